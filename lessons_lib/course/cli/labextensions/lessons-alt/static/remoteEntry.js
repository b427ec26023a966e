// JupyterLab shows a picture from an output, and drops its alt text. This plugin hands it on.
//
// Written by hand, with nothing to build: JupyterLab takes a plugin from a container of webpack's
// module federation, and that is an object with two functions, init(shared) and get(module).
(() => {
  const NAME = "lessons-alt";
  let shared; // what JupyterLab shares: package -> version -> { get }

  // A module of JupyterLab's own, the very one that it runs.
  const take = async (name) => {
    const [found] = Object.values(shared[name]);
    return (await found.get())();
  };

  // The same renderer, but what it draws says what stands in the output's metadata:
  // {"image/png": {"alt": "..."}}
  const described = (renderer, mimeType) => {
    const draw = renderer.renderModel.bind(renderer);
    renderer.renderModel = async (model) => {
      await draw(model);
      const { alt } = model.metadata[mimeType] ?? {};
      if (typeof alt === "string") {
        for (const img of renderer.node.querySelectorAll("img")) img.alt = alt;
      }
    };
    return renderer;
  };

  const plugin = (IRenderMimeRegistry) => ({
    id: `${NAME}:plugin`,
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

  window._JUPYTERLAB ??= {};
  window._JUPYTERLAB[NAME] = {
    init: (scope) => {
      shared = scope;
    },
    get: async () => {
      const { IRenderMimeRegistry } = await take("@jupyterlab/rendermime");
      const extension = { __esModule: true, default: plugin(IRenderMimeRegistry) };
      return () => extension;
    },
  };
})();
