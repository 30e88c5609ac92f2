"""wayside-cloud pubsub: the topics' server."""

from cloud.commands.configured import ConfigFile, configured
from cloud.errors import StartError
from wayside.cli import group

app = group("Pub/Sub: the embedded server.")


@app.command()
def run(config: ConfigFile = None) -> None:
    """Run the embedded Pub/Sub server."""
    from cloud.embedded.pubsub import server

    settings = configured(config)
    if settings.pubsub is None:
        raise StartError("`pubsub: null` in the settings: there is no embedded server to run")
    server.run(settings.pubsub)
