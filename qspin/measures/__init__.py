"""Named things to compute from one sample set, next to where it was sampled; thin coats over the functions of
`qspin.analysis` and `qspin.benchmark`, whose names they have. They are found by name (`qspin.registry`).
"""
