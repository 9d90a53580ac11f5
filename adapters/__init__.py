"""One folder per platform: native logs in, canonical scenes out."""

if __name__ != "lead_xb.adapters":
    raise ImportError("import this package as 'lead_xb.adapters'; the top-level name 'adapters' is not ours")
