"""wayside-models: networks fetched, looked into, changed against proof, compiled, and tried."""

from models.commands.change import halve, prepare, quantise
from models.commands.compile import compile_engine
from models.commands.inspect import inspect
from models.commands.predict import predict
from models.commands.pull import pull
from wayside.cli import program

app = program("Models: fetch them, look into them, try them.")
for command in (pull, predict, inspect, prepare, halve, quantise):
    app.command()(command)
app.command("compile")(compile_engine)
