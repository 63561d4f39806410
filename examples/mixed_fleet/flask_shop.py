"""A shop in Flask, guarded by Buckler. Run by `run.py`; alone:

PYRASP_CLOUD_URL=… PYRASP_KEY=… flask --app examples/mixed_fleet/flask_shop.py run
"""

from buckler import FlaskRASP
from flask import Flask

app = Flask(__name__, static_folder=None)


@app.get("/")
def index():
    return "buckler, gauntlet, hauberk, sallet"


FlaskRASP(app)
