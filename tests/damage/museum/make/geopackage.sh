#!/usr/bin/env bash
# Points and polygons with an R-tree, whose triggers call functions of GDAL.
set -euo pipefail
python3 - > places.geojson <<'PY'
import json

def geometry(i):
    x, y = i / 10, i / 20
    if i % 2:
        return {"type": "Polygon", "coordinates": [[[x, y], [x + 1, y], [x + 1, y + 1], [x, y]]]}
    return {"type": "Point", "coordinates": [x, y]}

features = [
    {"type": "Feature", "properties": {"name": f"place {i}", "population": i * 1000}, "geometry": geometry(i)}
    for i in range(200)
]
print(json.dumps({"type": "FeatureCollection", "features": features}))
PY
ogr2ogr -f GPKG places.gpkg places.geojson -nln places
