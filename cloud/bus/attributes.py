"""Names of Pub/Sub attributes: Google IoT Core's, and copies of the batch header.

They are copies for people and filters: ingest relies on the payload alone (decision 8).
"""

DEVICE_ID = "deviceId"
DEVICE_NUM_ID = "deviceNumId"
REGISTRY_ID = "deviceRegistryId"
REGISTRY_LOCATION = "deviceRegistryLocation"
PROJECT_ID = "projectId"
SUB_FOLDER = "subFolder"

SCHEMA = "schema"
BOOT = "boot"
LANE = "lane"
FIRST_SEQ = "firstSeq"
COUNT = "count"
TRACEPARENT = "traceparent"

REASON = "reason"
"""Of a dead letter: why it was refused."""

SOURCE = "source"
"""Of a dead letter: the MQTT topic or the Pub/Sub subscription that it came from."""

SIZE = "size"
"""Of a dead letter: bytes of the refused payload, which may have been cut."""
