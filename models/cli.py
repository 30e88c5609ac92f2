"""wayside-models: networks fetched, looked into, changed against proof, compiled, registered."""

from models.commands.change import halve, prepare, quantise
from models.commands.compile import compile_engine
from models.commands.evaluate import evaluate
from models.commands.inspect import inspect
from models.commands.predict import predict
from models.commands.pull import pull
from models.commands.record import show, verify
from models.commands.register import register
from wayside.cli import program

app = program("Models: fetch them, look into them, try them.")
for command in (
    pull, predict, evaluate, inspect, prepare, halve, quantise, register, verify, show,
):  # fmt: skip
    app.command()(command)
app.command("compile")(compile_engine)


if __name__ == "__main__":
    app(prog_name="wayside-models")
