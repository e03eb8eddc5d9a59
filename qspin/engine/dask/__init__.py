"""Tasks on the workers of Dask."""
