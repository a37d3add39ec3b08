"""What Home Assistant is told of a kiosk: MQTT device discovery, one retained message.

The format is that of https://www.home-assistant.io/integrations/mqtt/#device-discovery-payload;
Home Assistant 2024.11 is the first that knows it.
"""

from __future__ import annotations

import hashlib
import re
from typing import Any, Final

from ...labels import EMOTIONS
from .messages import to_json

_ROOM_ENTITIES: Final[dict[str, dict[str, Any]]] = {
    "presence": {
        "platform": "binary_sensor",
        "name": "Presence",
        "device_class": "occupancy",
        "value_template": "{{ 'ON' if value_json.people > 0 else 'OFF' }}",
    },
    "people": {
        "platform": "sensor",
        "name": "People",
        "state_class": "measurement",
        "icon": "mdi:account-multiple",
        "value_template": "{{ value_json.people }}",
    },
    "emotion": {
        "platform": "sensor",
        "name": "Dominant emotion",
        "device_class": "enum",
        "options": list(EMOTIONS),
        # Nobody in view: the template gives None, which Home Assistant shows as unknown.
        "value_template": "{{ value_json.emotion }}",
    },
    "valence": {
        "platform": "sensor",
        "name": "Valence",
        "state_class": "measurement",
        "suggested_display_precision": 2,
        "value_template": "{{ value_json.valence }}",
    },
    "camera": {
        "platform": "binary_sensor",
        "name": "Camera",
        "device_class": "problem",
        "value_template": "{{ 'ON' if value_json.state in ('retrying', 'covered') else 'OFF' }}",
    },
}
_STATUS_ENTITIES: Final[dict[str, dict[str, Any]]] = {
    "visits_today": {
        "platform": "sensor",
        "name": "Visitors today",
        "state_class": "total_increasing",
        "value_template": "{{ value_json.visits_today | default(0) }}",
    },
    "fps": {
        "platform": "sensor",
        "name": "Frames per second",
        "entity_category": "diagnostic",
        "state_class": "measurement",
        "unit_of_measurement": "fps",
        "value_template": "{{ value_json.processed_fps | default(0) }}",
    },
}


def discovery_topic(device: str) -> str:
    """Return the topic of a kiosk's discovery message."""
    return f"homeassistant/device/{_identifier(device)}/config"


def discovery_message(device: str, topic: str, version: str) -> bytes:
    """Return the discovery message of a kiosk.

    Parameters
    ----------
    device
        Name of the kiosk.
    topic
        What its topics begin with, such as ``fer/hall-2``.
    version
        Of the program.
    """
    own = _identifier(device)
    components = {}
    for leaf, entities in (("room", _ROOM_ENTITIES), ("status", _STATUS_ENTITIES)):
        for key, entity in entities.items():
            identity = {"unique_id": f"{own}_{key}", "state_topic": f"{topic}/{leaf}"}
            components[key] = {**entity, **identity}
    message = {
        "device": {
            "identifiers": [own],
            "name": device,
            "manufacturer": "fer-edge",
            "model": "facial emotion kiosk",
            "sw_version": version,
        },
        "origin": {"name": "fer-edge", "sw_version": version},
        "availability": [
            {
                "topic": f"{topic}/status",
                "value_template": "{{ 'offline' if value_json.state == 'offline' else 'online' }}",
            }
        ],
        "components": components,
        "qos": 1,
    }
    return to_json(message)


def _identifier(device: str) -> str:
    plain = re.sub(r"[^A-Za-z0-9_-]", "_", device)
    if plain != device:  # or "hall.2" would be "hall_2", and every Greek name the same
        plain += "_" + hashlib.sha256(device.encode()).hexdigest()[:6]
    return f"fer_edge_{plain}"
