"""Finding, downloading and caching the files of data sets."""
