"""Feature formulas of the Image Biomarker Standardisation Initiative (IBSI-1), on plain arrays.

Formulas follow the IBSI reference manual (Zwanenburg et al., arXiv:1612.07003v11; Radiology
2020;295:328). Each function returns one row a feature in the order of `features.csv`.
"""
