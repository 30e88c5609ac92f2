"""wayside-models: networks fetched, looked into, changed against proof, and tried on pictures."""

from models.commands.change import halve, prepare, quantise
from models.commands.evaluate import evaluate
from models.commands.inspect import inspect
from models.commands.predict import predict
from models.commands.pull import pull
from wayside.cli import program

app = program("Models: fetch them, look into them, try them.")
for command in (pull, predict, evaluate, inspect, prepare, halve, quantise):
    app.command()(command)
