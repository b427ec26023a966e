"""Make data/digits.npz from the copy that scikit-learn ships: `python data/make_digits.py`."""

import io

import numpy as np
from sklearn.datasets import load_digits

from lessons_lib import files

if __name__ == "__main__":
    source = load_digits()
    packed = io.BytesIO()
    np.savez_compressed(
        packed, pictures=source.images.astype(np.uint8), label=source.target.astype(np.uint8)
    )
    files.write(files.DATA / "digits.npz", packed.getvalue())
    facts = {
        "made_by": "python data/make_digits.py",
        "licence": "CC BY 4.0",
        "source": "E. Alpaydin & C. Kaynak, Optical Recognition of Handwritten Digits, "
        "UCI Machine Learning Repository (1998), doi:10.24432/C50P49; the test part of 1,797",
    }
    files.record("digits.npz", facts)
