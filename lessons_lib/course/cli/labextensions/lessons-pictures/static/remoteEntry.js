// JupyterLab shows a picture from an output, and drops its alt text; and where a widget cannot be
// shown, since no kernel runs, it says "Loading widget..." for ever. These plugins hand both on:
// what the picture shows, and the picture that stands beside the widget in the same output.
//
// Written by hand, with nothing to build: JupyterLab takes plugins from a container of webpack's
// module federation, and that is an object with two functions, init(shared) and get(module).
(() => {
  const NAME = "lessons-pictures";
  const VIEW = "application/vnd.jupyter.widget-view+json";
  let shared; // what JupyterLab shares: package -> version -> { get }

  // A module of JupyterLab's own, the very one that it runs.
  const take = async (name) => {
    const [found] = Object.values(shared[name]);
    return (await found.get())();
  };

  // What an output's metadata say of its picture: {"image/png": {"alt": "..."}}
  const said = (model, mimeType) => model.metadata[mimeType]?.alt;

  // The same renderer, but what it draws says what it shows.
  const described = (renderer, mimeType) => {
    const draw = renderer.renderModel.bind(renderer);
    renderer.renderModel = async (model) => {
      await draw(model);
      const alt = said(model, mimeType);
      if (typeof alt === "string") {
        for (const img of renderer.node.querySelectorAll("img")) img.alt = alt;
      }
    };
    return renderer;
  };

  const alt = (IRenderMimeRegistry) => ({
    id: `${NAME}:alt`,
    description: "Gives pictures in outputs the alt text that stands in their metadata.",
    autoStart: true, // before a notebook is opened: each takes a copy of the registry
    requires: [IRenderMimeRegistry],
    activate: (app, registry) => {
      const pictures = registry.mimeTypes.filter((type) => type.startsWith("image/"));
      for (const factory of new Set(pictures.map((type) => registry.getFactory(type)))) {
        const createRenderer = (options) =>
          described(factory.createRenderer(options), options.mimeType);
        registry.addFactory({ ...factory, createRenderer });
      }
    },
  });

  // The picture, or the words, that an output has for where its widget is not.
  const stand = (node, { data, metadata }) => {
    const png = data["image/png"];
    if (!png) {
      node.textContent = data["text/plain"] ?? "";
      return;
    }
    const img = document.createElement("img");
    img.alt = metadata["image/png"]?.alt ?? "";
    img.src = `data:image/png;base64,${png}`;
    node.replaceChildren(img);
  };

  const still = (IRenderMimeRegistry, IJupyterWidgetRegistry) => ({
    id: `${NAME}:still`,
    description: "Shows a widget's picture until there is the widget, and where there is none.",
    autoStart: true,
    requires: [IRenderMimeRegistry, IJupyterWidgetRegistry], // the second has made the renderer
    activate: (app, registry) => {
      const one = registry.getFactory(VIEW).createRenderer({ mimeType: VIEW });
      const every = Object.getPrototypeOf(one); // each notebook makes renderers of its own
      const draw = every.renderModel;
      every.renderModel = async function (model) {
        const done = draw.call(this, model); // says at once that it is loading
        stand(this.node, model);
        await done;
        if (this.node.textContent.startsWith("Error displaying widget")) stand(this.node, model);
      };
      one.dispose();
    },
  });

  window._JUPYTERLAB ??= {};
  window._JUPYTERLAB[NAME] = {
    init: (scope) => {
      shared = scope;
    },
    get: async () => {
      const { IRenderMimeRegistry } = await take("@jupyterlab/rendermime");
      const { IJupyterWidgetRegistry } = await take("@jupyter-widgets/base");
      const plugins = [alt(IRenderMimeRegistry), still(IRenderMimeRegistry, IJupyterWidgetRegistry)];
      const extension = { __esModule: true, default: plugins };
      return () => extension;
    },
  };
})();
