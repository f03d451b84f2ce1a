"""A client for Maru's rooms: picture, sound and chat with everyone in a room.

Written from protocol/README.md. It leaves out what a call can begin without: registering again when the server goes
away, and replacing a connection that failed.
"""

import asyncio
import hashlib
import json
import time

import websockets
from aiortc import RTCBundlePolicy, RTCConfiguration, RTCIceServer, RTCPeerConnection, RTCSessionDescription
from aiortc.sdp import candidate_from_sdp
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils

VERSION = 2
MAX_SERVER_FRAME_BYTES = 131_072
MAX_PEER_MESSAGE_BYTES = 65_536
HELLO_INTERVAL_S = 0.1
PING_INTERVAL_S = 8


class Refused(Exception):
    """The server does not let us into the room."""


class Identity:
    """The key whose hash our instance is."""

    def __init__(self):
        self._private = ec.generate_private_key(ec.SECP256R1())
        encoding, form = serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
        self._public = self._private.public_key().public_bytes(encoding, form)
        self.instance = hashlib.sha256(self._public).digest()[:16].hex()

    def prove(self, connection_id):
        """The proof for `join`, over the connection that the server calls `connection_id`."""
        signature = self._private.sign(f"maru join v2 {connection_id}".encode(), ec.ECDSA(hashes.SHA256()))
        r, s = utils.decode_dss_signature(signature)
        return {"key": self._public.hex(), "signature": (r.to_bytes(32, "big") + s.to_bytes(32, "big")).hex()}


class Client:
    """One person in one room.

    `make_tracks()` gives new aiortc tracks for a connection, by kind ("audio", "video"). `observe(event, peer, value)`
    is told what happens: "connected", "track", "hello", "chat", "delivered", "bye", "left", "error".
    """

    def __init__(self, name, make_tracks, observe):
        self.name, self.muted, self.camera_on = name, False, True
        self._identity = Identity()
        self.instance = self._identity.instance
        self.make_tracks, self.observe = make_tracks, observe
        # The kinds of media that our offers have.
        self.sends = ["audio", "video"]
        self.peers = {}
        self._ice_servers = []
        self._last_chat_id = 0
        self._socket = None

    async def join(self, url, room):
        """Registers, and offers to everyone who is there already."""
        self._socket = await websockets.connect(
            url, max_size=MAX_SERVER_FRAME_BYTES, ping_interval=PING_INTERVAL_S, ping_timeout=PING_INTERVAL_S
        )
        challenge = json.loads(await self._socket.recv())
        if challenge["type"] != "challenge":
            raise Refused(f"the server begins with {challenge}")
        proof = self._identity.prove(challenge["id"])
        await self._send(type="join", version=VERSION, room=room, name=self.name, proof=proof)
        welcome = json.loads(await self._socket.recv())
        if welcome["type"] != "welcome" or welcome["version"] != VERSION:
            raise Refused(f"the server answers {welcome}")
        self._ice_servers = [
            RTCIceServer(server["urls"], server.get("username"), server.get("credential"))
            for server in welcome["iceServers"]
        ]
        for info in welcome["peers"]:
            await self._add(info).offer()

    async def serve(self):
        """Reads what the server sends, until it closes the connection."""
        async for text in self._socket:
            await self._read(json.loads(text))

    def write(self, text):
        """Sends a chat message to everyone. Gives its id."""
        self._last_chat_id += 1
        message = {"type": "chat", "id": self._last_chat_id, "text": text, "sentUnixMs": time.time_ns() // 1_000_000}
        for peer in self.peers.values():
            peer.write(message)
        return self._last_chat_id

    def set_presence(self, *, muted, camera_on):
        """Tells everyone what we send from now on."""
        self.muted, self.camera_on = muted, camera_on
        for peer in self.peers.values():
            peer.say_hello()

    async def leave(self):
        for peer in self.peers.values():
            peer.send({"type": "bye"})
        await self._send(type="leave")
        await self._socket.wait_closed()
        for peer in self.peers.values():
            await peer.close()

    async def signal(self, peer_id, generation, data):
        await self._send(type="signal", to=peer_id, generation=generation, data=data)

    def configuration(self):
        return RTCConfiguration(self._ice_servers, bundlePolicy=RTCBundlePolicy.MAX_BUNDLE)

    async def _send(self, **message):
        await self._socket.send(json.dumps(message))

    async def _read(self, message):
        kind = message["type"]
        if kind == "peer-joined":
            self._add(message["peer"])
        elif kind == "signal" and message["from"] in self.peers:
            await self.peers[message["from"]].signaled(message["generation"], message["data"])
        elif kind == "peer-renamed" and message["id"] in self.peers:
            self.peers[message["id"]].name = message["name"]
        elif kind == "peer-left" and message["id"] in self.peers:
            peer = self.peers[message["id"]]
            self.observe("left", peer, message["reason"])
            if message["reason"] == "left":
                del self.peers[message["id"]]
                await peer.close()
        elif kind == "error":
            self.observe("error", None, message)

    def _add(self, info):
        self.peers[info["id"]] = peer = Peer(self, info)
        return peer


class Peer:
    """Someone else in the room, and the connection to them."""

    def __init__(self, client, info):
        self.client, self.id, self.name = client, info["id"], info["name"]
        self.is_polite = client.instance < info["instance"]
        self.hello = None
        self._connection = self._channel = None
        # Counts the connections to this peer.
        self._generation = 0
        self._held_candidates = []
        # Chat that waits for the channel, or for its acknowledgement.
        self._unacknowledged = {}
        self._last_received_id = 0
        self._heard = False

    async def offer(self):
        self._generation += 1
        self._open(self.client.sends)
        await self._connection.setLocalDescription(await self._connection.createOffer())
        await self._send_description()

    async def signaled(self, generation, data):
        description = data.get("description")
        if generation != self._generation and not await self._begin(generation, description):
            return
        if description is None:
            return await self._take_candidate(data["candidate"])
        if description["type"] == "offer":
            await self._answer(description["sdp"])
        elif description["type"] == "answer" and self._is_offering():
            await self._set_remote(description)

    async def _begin(self, generation, description):
        """Whether the peer has built a new connection, which replaces one that does not work."""
        is_working = self._connection is not None and self._connection.connectionState == "connected"
        if generation < self._generation or is_working or description is None or description["type"] != "offer":
            return False
        await self.close()
        self._connection, self._generation, self._held_candidates = None, generation, []
        return True

    def write(self, message):
        self._unacknowledged[message["id"]] = message
        if self._heard:
            self.send(message)

    def say_hello(self):
        client = self.client
        self.send(
            {
                "type": "hello",
                "version": VERSION,
                "name": client.name,
                "muted": client.muted,
                "cameraOn": client.camera_on,
            }
        )

    def send(self, message):
        if self._channel is not None and self._channel.readyState == "open":
            self._channel.send(json.dumps(message))

    @property
    def sctp(self):
        """What carries the channel."""
        return self._connection.sctp

    async def close(self):
        if self._connection is not None:
            await self._connection.close()

    def _is_offering(self):
        return self._connection is not None and self._connection.signalingState == "have-local-offer"

    def _open(self, kinds):
        """A new connection that sends our tracks, in the order of `kinds`."""
        connection = self._connection = RTCPeerConnection(self.client.configuration())
        tracks = self.client.make_tracks()
        for kind in kinds:
            connection.addTrack(tracks[kind])
        channel = self._channel = connection.createDataChannel("maru", negotiated=True, id=0)
        self._heard = False

        @connection.on("track")
        def on_track(track):
            self.client.observe("track", self, track)

        @connection.on("connectionstatechange")
        def on_state():
            if connection.connectionState == "connected":
                self.client.observe("connected", self, None)

        @channel.on("open")
        async def on_open():
            while not self._heard and channel.readyState == "open":
                self.say_hello()
                await asyncio.sleep(HELLO_INTERVAL_S)

        @channel.on("message")
        def on_message(text):
            self._read(text)

    async def _answer(self, sdp):
        if self._is_offering():
            if not self.is_polite:
                return
            # aiortc cannot take an offer back.
            await self.close()
            self._connection = None
        if self._connection is None:
            self._open([line[2:7] for line in sdp.splitlines() if line.startswith(("m=audio", "m=video"))])
        await self._set_remote({"type": "offer", "sdp": sdp})
        await self._connection.setLocalDescription(await self._connection.createAnswer())
        await self._send_description()

    async def _set_remote(self, description):
        await self._connection.setRemoteDescription(RTCSessionDescription(description["sdp"], description["type"]))
        held, self._held_candidates = self._held_candidates, []
        for candidate in held:
            await self._connection.addIceCandidate(candidate)

    async def _send_description(self):
        """aiortc gathers before it gives a description: all our candidates are in it."""
        local = self._connection.localDescription
        await self.client.signal(self.id, self._generation, {"description": {"type": local.type, "sdp": local.sdp}})
        await self.client.signal(self.id, self._generation, {"candidate": None})

    async def _take_candidate(self, init):
        if not init or not init["candidate"]:
            return
        candidate = candidate_from_sdp(init["candidate"].removeprefix("candidate:"))
        if candidate.ip.endswith(".local"):
            return
        candidate.sdpMid, candidate.sdpMLineIndex = init.get("sdpMid"), init.get("sdpMLineIndex")
        if self._connection is None or self._connection.remoteDescription is None:
            self._held_candidates.append(candidate)
        else:
            await self._connection.addIceCandidate(candidate)

    def _read(self, text):
        if not self._heard:
            self._heard = True
            self.say_hello()
            for message in self._unacknowledged.values():
                self.send(message)
        if not isinstance(text, str) or len(text.encode()) > MAX_PEER_MESSAGE_BYTES:
            return
        try:
            message = json.loads(text)
            kind = message["type"]
        except (ValueError, KeyError, TypeError):
            return
        if kind == "hello":
            self.hello = message
            self.client.observe("hello", self, message)
        elif self.hello is None or self.hello["version"] != VERSION:
            return
        elif kind == "chat":
            if message["id"] > self._last_received_id:
                self._last_received_id = message["id"]
                self.client.observe("chat", self, message["text"])
            self.send({"type": "delivered", "id": message["id"]})
        elif kind == "delivered":
            if self._unacknowledged.pop(message["id"], None):
                self.client.observe("delivered", self, message["id"])
        elif kind == "bye":
            self.client.observe("bye", self, None)
            asyncio.ensure_future(self.close())
