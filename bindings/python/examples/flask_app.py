"""A web application. The workers share what the master has fetched, and need no hook:

gunicorn --preload --workers 4 flask_app:app
"""

import os

from flask import Flask, jsonify
from settings import CONFIG, SDK_KEY

from splitio import get_factory

factory = get_factory(SDK_KEY, config={**CONFIG, "preforkedInitialization": True})
split = factory.client()
app = Flask(__name__)


@app.get("/checkout/<user>")
def checkout(user):
    return jsonify(user=user, treatment=split.get_treatment(user, "new_checkout"), worker=os.getpid())
