"""The canonical schema: scene, map, rig, index, versions and validation. Imports nothing else of lead_xb."""

if __name__ != "lead_xb.schemas":
    raise ImportError("import this package as 'lead_xb.schemas'; the top-level name 'schemas' is not ours")
