"""wayside-cloud broker: the MQTT broker."""

from cloud.commands.configured import ConfigFile, configured
from cloud.errors import StartError
from wayside.cli import group

app = group("The MQTT broker.")


@app.command()
def run(config: ConfigFile = None) -> None:
    """Run amqtt as the broker, where Mosquitto is not to be had."""
    from cloud.embedded.broker.amqtt import run_amqtt

    settings = configured(config)
    if settings.broker is None:
        raise StartError("`broker: null` in the settings: there is no broker to run")
    run_amqtt(settings.broker)
