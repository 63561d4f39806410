"""The same shop, guarded by a genuine pyrasp: it does not know that its fleet is not all pyrasp."""

from flask import Flask
from pyrasp.pyrasp import FlaskRASP

app = Flask(__name__, static_folder=None)


@app.get("/")
def index():
    return "buckler, gauntlet, hauberk, sallet"


FlaskRASP(app)
app.run(host="127.0.0.1", port=0)
