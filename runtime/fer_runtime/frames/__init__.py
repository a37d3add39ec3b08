"""Where frames come from: cameras, streams, clips, pictures, the demo scene."""
