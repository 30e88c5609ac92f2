"""An RTSP camera that does wrong on command: gst-rtsp-server, under the system's own Python.

    python3 rtsp_server.py PORT [USER PASSWORD]

It listens at rtsp://127.0.0.1:PORT/cam and takes one command a line on stdin:

    picture moving | still   a block that moves over noise; or one picture again and again
    size WIDTH HEIGHT        pixels of the pictures from now on
    rate FPS                 pictures a second from now on
    garbage SHARE            share of the coded pictures that are overwritten, 0 to 1
    back SECONDS             the stream's timestamps jump back, and stay there

Everything else, such as a server that is killed or stopped, is done to its process.
"""

import random
import sys
import threading
import time
from typing import Any

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402

ENCODE = (
    "appsrc name=src is-live=true do-timestamp=true format=time"
    " ! videoconvert ! openh264enc bitrate=1500000 gop-size=12 complexity=low"
    " ! h264parse config-interval=-1 ! video/x-h264,stream-format=byte-stream,alignment=au"
    " ! appsink name=sink emit-signals=true sync=false"
)
SEND = (
    "( appsrc name=src is-live=true format=time"
    " caps=video/x-h264,stream-format=byte-stream,alignment=au"
    " ! rtph264pay name=pay0 pt=96 config-interval=-1 )"
)
NOISE = 8


class Scene:
    """Pictures in I420: grey noise, and a light block that moves over it."""

    def __init__(self) -> None:
        self.fps = 25.0
        self.is_moving = True
        self._number = 0
        self.resize(320, 240)

    def resize(self, width: int, height: int) -> None:
        level = bytes(90 + byte % 24 for byte in range(256))
        noise = [random.randbytes(width * height).translate(level) for _ in range(NOISE)]
        self._shown = (width, height, noise)

    def picture(self) -> tuple[int, int, bytes]:
        """Width, height and bytes of the next picture."""
        if self.is_moving:
            self._number += 1
        width, height, noise = self._shown
        luma = bytearray(noise[self._number % NOISE])
        left = self._number * 4 % (width - 40)
        for row in range(height // 3, height // 3 + 40):
            luma[row * width + left : row * width + left + 40] = b"\xe0" * 40
        return width, height, bytes(luma) + b"\x80" * (width * height // 2)


class Camera:
    """Encodes the scene for as long as it lives, and hands it to whoever has connected."""

    def __init__(self) -> None:
        self.scene = Scene()
        self.garbage = 0.0
        self.back_ns = 0
        self._send: Any = None
        self._encode = Gst.parse_launch(ENCODE)
        self._encode.get_by_name("sink").connect("new-sample", self._encoded)
        self._encode.set_state(Gst.State.PLAYING)
        threading.Thread(target=self._film, daemon=True).start()

    def configure(self, factory: Any, media: Any) -> None:
        """A first client is there: from now on its media gets the pictures."""
        self._send = media.get_element().get_by_name("src")

    def _film(self) -> None:
        source, size, due_s = self._encode.get_by_name("src"), (0, 0), time.monotonic()
        while True:
            width, height, picture = self.scene.picture()
            if size != (width, height):
                size = (width, height)
                caps = f"video/x-raw,format=I420,width={width},height={height},framerate=25/1"
                source.set_property("caps", Gst.Caps.from_string(caps))
            source.emit("push-buffer", Gst.Buffer.new_wrapped(picture))
            due_s = max(due_s + 1 / self.scene.fps, time.monotonic() - 0.5)
            time.sleep(max(0.0, due_s - time.monotonic()))

    def _encoded(self, sink: Any) -> Any:
        coded = sink.emit("pull-sample").get_buffer()
        send = self._send
        if send is None or send.get_clock() is None:
            return Gst.FlowReturn.OK
        content = bytearray(coded.extract_dup(0, coded.get_size()))
        if random.random() < self.garbage:
            content[8:] = random.randbytes(len(content) - 8)
        buffer = Gst.Buffer.new_wrapped(bytes(content))
        running_ns = send.get_clock().get_time() - send.get_base_time()
        buffer.pts = buffer.dts = max(0, running_ns - self.back_ns)
        send.emit("push-buffer", buffer)
        return Gst.FlowReturn.OK

    def listen(self) -> None:
        """Do what stdin says, until it is closed."""
        for line in sys.stdin:
            self._obey(line)

    def _obey(self, line: str) -> None:
        match line.split():
            case ["picture", kind]:
                self.scene.is_moving = kind == "moving"
            case ["size", width, height]:
                self.scene.resize(int(width), int(height))
            case ["rate", fps]:
                self.scene.fps = float(fps)
            case ["garbage", share]:
                self.garbage = float(share)
            case ["back", seconds]:
                self.back_ns += round(float(seconds) * 1e9)
            case _:
                raise ValueError(line)


def serve(port: str, user: str = "", password: str = "") -> None:
    """Serve until the process ends."""
    Gst.init(None)
    camera = Camera()
    server, factory = GstRtspServer.RTSPServer(), GstRtspServer.RTSPMediaFactory()
    factory.set_launch(SEND)
    factory.set_shared(True)
    factory.connect("media-configure", camera.configure)
    if user:
        auth, token = GstRtspServer.RTSPAuth(), GstRtspServer.RTSPToken()
        token.set_string("media.factory.role", "viewer")
        auth.add_basic(GstRtspServer.RTSPAuth.make_basic(user, password), token)
        server.set_auth(auth)
        role = Gst.Structure.new_from_string(
            "viewer, media.factory.access=(boolean)true, media.factory.construct=(boolean)true"
        )
        factory.add_role_from_structure(role)
    server.set_address("127.0.0.1")
    server.set_service(port)
    server.get_mount_points().add_factory("/cam", factory)
    server.attach(None)
    threading.Thread(target=camera.listen, daemon=True).start()
    GLib.MainLoop().run()


if __name__ == "__main__":
    serve(*sys.argv[1:])
