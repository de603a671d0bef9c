"""Makes `ibsi2_response_maps.csv`: pixels of IBSI-2's reference response maps for 2-D filters.

    python tests/oracles/ibsi2_response_maps.py FOLDER > tests/oracles/ibsi2_response_maps.csv

FOLDER: `reference_response_maps` of github.com/theibsi/ibsi_2_reference_data at commit 5404579f
(CC0). Maps 2.c (Laplacian of Gaussian by slice), 4.a.1 (Gabor) and 5.a.1 (db2 LHL, whose slices
along z are the 2-D response LH times a tap of the low pass).
"""

from __future__ import annotations

import sys
from pathlib import Path

import nibabel

BOXES = {
    "2_c": (range(24), range(24), [0]),
    "4_a_1": (range(1, 64, 2), range(1, 64, 2), [31]),
    "5_a_1": (range(28, 34), range(28, 34), range(29, 33)),
}


def main() -> None:
    folder = Path(sys.argv[1])
    sys.stdout.write("map,x,y,z,value\n")
    for name, (xs, ys, zs) in BOXES.items():
        voxels = nibabel.load(folder / f"{name}-ValidCRM.nii").get_fdata()
        for z in zs:
            for y in ys:
                for x in xs:
                    sys.stdout.write(f"{name},{x},{y},{z},{voxels[x, y, z]:.7g}\n")


if __name__ == "__main__":
    main()
