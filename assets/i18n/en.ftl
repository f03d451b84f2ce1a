# The texts of Maru in English. Each message exists in every language with the same variables: a test compares them.

language-system = System language

# Start screen
app-tagline = Video calls directly between computers
name-label = Your name
name-hint = How others see you
room-label = Room
room-hint = The same for everyone in the call
join = Join
cancel = Cancel
settings = Settings
server-label = Server
server-hint = Empty: use the local network
language-label = Language
searching-server = Looking for a server on the local network…
connecting-to-server = Connecting to { $server }…

# Problems with what was typed
name-empty = Type your name first.
name-too-long = The name is { $length } characters long. The limit is { $limit }.
name-control = The name contains a character that cannot be displayed. Type it again.
room-empty = Type a room name first. Everyone who types the same name joins the same call.
room-too-long = The room name is { $length } characters long. The limit is { $limit }.
room-control = The room name contains a character that cannot be displayed. Type it again.
server-scheme = A server address starts with ws:// or wss://. Leave the field empty to search the local network.

# Devices
camera = Camera
microphone = Microphone
speaker = Speaker
choice-auto = Automatic
choice-auto-named = Automatic ({ $name })
choice-none = None
choice-test-pattern = Test pattern
choice-test-sound = Test sound
choice-file = File { $name }
device-opening = Opening…
microphone-level = Microphone level
microphone-silent = Your microphone delivers nothing. Perhaps it is switched off, or another one is the right one.
test-microphone = Record three seconds and play them
test-recording = Recording: speak now… (stop)
test-playing = Playing… (stop)
test-speaker = Play a sound
speaking-muted = You are speaking, but your microphone is off ({ $key })
volume-of = Volume of { $name }
echo-cancellation = Echo cancellation
echo-cancellation-hint = So that the others do not hear themselves from your speaker.
automatic-gain = Make a quiet voice louder
automatic-gain-hint = Your system's microphone level stays as it is.
noise-suppression = Noise suppression
noise-suppression-off = Off
noise-suppression-moderate = Moderate
noise-suppression-strong = Strong
camera-missing = No camera was found. Connect one, or continue without a camera.
camera-not-found = The camera “{ $name }” was not found. Connect it or choose another one.
camera-busy = The camera “{ $name }” is in use by another program. Close that program, and Maru opens the camera.
camera-unplugged = The camera “{ $name }” was unplugged. Maru uses it again as soon as it is back.
camera-not-responding = The camera “{ $name }” does not respond. Maru tries to open it again. If that does not help, unplug the camera and connect it again.
camera-unusable = The camera “{ $name }” cannot be used: { $reason }. Choose another one.
camera-crashed = The camera stopped because of an error in Maru: { $reason }. Maru opens it again. If that does not help, choose the camera again.
microphone-missing = No microphone was found. Connect one, or continue without a microphone.
microphone-not-found = The microphone “{ $name }” was not found. Connect it or choose another one.
microphone-busy = The microphone “{ $name }” is in use by another program. Close that program, and Maru opens the microphone.
microphone-unplugged = The microphone “{ $name }” was unplugged. Maru uses it again as soon as it is back.
microphone-not-responding = The microphone “{ $name }” does not respond. Maru tries to open it again. If that does not help, unplug the microphone and connect it again.
microphone-unusable = The microphone “{ $name }” cannot be used: { $reason }. Choose another one.
microphone-crashed = The microphone stopped because of an error in Maru: { $reason }. Maru opens it again. If that does not help, choose the microphone again.
speaker-missing = No speaker was found. Connect one, or continue without a speaker.
speaker-not-found = The speaker “{ $name }” was not found. Connect it or choose another one.
speaker-busy = The speaker “{ $name }” is in use by another program. Close that program, and Maru opens the speaker.
speaker-unplugged = The speaker “{ $name }” was unplugged. Maru uses it again as soon as it is back.
device-stands-in = “{ $chosen }” is not there. Maru uses “{ $name }” until it is back.
device-takes-over = “{ $name }” is in use now.
speaker-not-responding = The speaker “{ $name }” does not respond. Maru tries to open it again. If that does not help, unplug the speaker and connect it again.
speaker-unusable = The speaker “{ $name }” cannot be used: { $reason }. Choose another one.
speaker-crashed = The speaker stopped because of an error in Maru: { $reason }. Maru opens it again. If that does not help, choose the speaker again.

# Call screen
room-name = Room { $room }
invite = Copy an invitation link
alone = Nobody else is here yet.
alone-hint = Others join by typing the room name “{ $room }”, or by opening an invitation link in a browser. The button above copies the link.
you = You
mute = Turn the microphone off ({ $key })
unmute = Turn the microphone on ({ $key })
microphone-none = No microphone: the others do not hear you ({ $key })
camera-stop = Turn the camera off ({ $key })
camera-start = Turn the camera on ({ $key })
camera-none = No camera: the others do not see you ({ $key })
chat-button = Chat ({ $key })
chat-button-unread = Chat, { $count } unread ({ $key })
devices-button = Devices and settings ({ $key })
stats-button = Connection statistics ({ $key })
leave = Leave the call ({ $key })
close = Close ({ $key })
video-of = Video of { $name }
video-of-muted = Video of { $name }, microphone off
video-of-camera-off = Video of { $name }, camera off
video-of-camera-off-muted = Video of { $name }, camera and microphone off
own-video = Your own video
own-video-off = Your own video, camera off
peer-connecting = Connecting…
peer-away = Away
peer-interrupted = Reconnecting…
peer-unreachable = No connection: { $reason }
peer-camera-off = Camera off
peer-no-video = No video: the other program has no H.264
peer-waiting = Waiting for video…
server-lost-bar = The server does not respond. The call continues, but nobody new can join until it is back.
replaced-bar = A copy of this app took your place in the room. The call continues with those you are connected to, but nobody new can reach you. To return, leave and join again.

# Connection statistics
stats-frame = { $width }×{ $height } · { $fps } fps
stats-bitrates = received { $received } · sent { $sent } kbit/s
stats-network = loss { $loss } % · jitter { $jitter } ms
stats-round-trip = round trip { $round_trip } ms
stats-delays = video delay { $video } ms · playout delay { $playout } ms
stats-queues = send queue { $send } ms · network queue { $network } ms
stats-decode-delay = decode delay { $decode } ms
stats-concealed = concealed audio { $concealed } %
stats-not-limited = not limited
stats-limited-network = limited by the network
stats-limited-cpu = limited by the CPU
stats-limited-camera = limited by the camera
stats-sent-frame = sent { $width }×{ $height } · { $fps } fps
stats-encode-delay = encode delay { $encode } ms

# Chat
chat-title = Chat
chat-empty = Everyone in the room receives your messages.
chat-input = Message
chat-input-hint = Write a message
chat-send = Send (Enter)
chat-too-long = The message is { $length } characters long. The limit is { $limit }.
chat-pending = not delivered yet (0 of { $total })
chat-delivered = delivered to { $count } of { $total }
chat-nobody = nobody was here to receive it
chat-earlier = above: from an earlier call
chat-unread = new messages
chat-newest = New messages below
chat-copy = Copy the message
chat-copy-link = Copy the link

# Devices panel
devices-title = Devices and settings
rename = Change

# Notices
notice-entered = You joined the room “{ $room }”.
notice-own-server = There is no server on the local network, so this computer is the server now.
notice-invited = The link is copied. Anyone who opens it in a browser joins this call.
notice-invited-plain = The link is copied. Anyone who opens it in a browser can watch, listen and chat. To use a camera and microphone they need a server with https, or the app.
notice-present = { $name } is here.
notice-joined = { $name } joined.
notice-left = { $name } left.
notice-lost = { $name } lost connection.
notice-renamed = { $old } is now called { $name }.
notice-interrupted = The connection to { $name } is interrupted.
notice-away = { $name } is away: the computer may be asleep. You are connected again when it is back.
notice-restored = The connection to { $name } is back.
notice-no-video = You and { $name } cannot see each other: the program there has no H.264. Sound and chat work.
notice-no-audio = You and { $name } cannot hear each other: the program there has no Opus.
notice-unreachable = Cannot connect to { $name }: { $reason }
notice-server-lost = The server does not respond. The call continues.
notice-server-back = The server is back.
notice-computer-at-limit = Your computer is at its limit: your video is sent smaller. Close other programs to change that.
notice-replaced = A copy of this app took your place in the room. The call continues with those you are connected to.
notice-camera-back = The camera “{ $name }” is in use again.
notice-microphone-back = The microphone “{ $name }” is in use again.
notice-not-saved = “{ $file }” cannot be written: { $reason }. What follows is not saved.
notice-speaker-back = The speaker “{ $name }” is in use again.

# Why a call ended
ended-left = You left the call.
ended-bad-url = “{ $url }” is not a server address ({ $reason }). Use an address such as wss://example.org.
ended-no-server = No server responds at { $url } ({ $reason }). Check the address and the network, then try again.
ended-bad-certificate = The certificate of { $url } is not trusted ({ $reason }). Check the address and the clock of this computer. If your organization has its own authority, install its certificate, or name the file in SSL_CERT_FILE.
ended-not-a-server = The response from { $url } is not that of a Maru server ({ $reason }). Check the address.
ended-other-version = The server has another version ({ $server }). Install the newest Maru on this computer and on the server.
ended-room-full = The room is full. Wait until someone leaves, or use another room name.
ended-room-full-capacity = The room is full: it holds { $capacity } people. Wait until someone leaves, or use another room name.
ended-server-full = The server is full. Try again later, or use another server.
ended-internal = The call ended because of an error in Maru: { $reason }. Try again.

# Terminal
terminal-nobody = Nobody is in the room yet: the message was not sent.
terminal-too-long = This message was not sent: it has more than { $limit } characters.
terminal-out-of-reach = { $name } cannot be reached, and does not get further messages until the connection is back.
terminal-too-fast = Too many messages at once: this one was not sent. Send it again in a moment.
window-no-display = There is no display to open a window on. Use --headless ROOM for a call in the terminal, or --demo for a demonstration.
devices-cameras = Cameras:
devices-microphones = Microphones:
devices-speakers = Speakers:
devices-none-found = none found

# Demonstration
demo-no-display = There is no display, so the demonstration runs in the terminal.
demo-begins = Two clients call each other for { $seconds } seconds through their own server at { $server }.
demo-windows = Two windows call each other through their own server at { $server }. Close both to end the demonstration.
demo-window-failed = A window ended with an error ({ $status }).
demo-failed = The demonstration failed: { $reason }
demo-yes = yes
demo-no = no
demo-verdict = { $name }: video received: { $saw } ({ $frames } frames), audio received: { $heard }, message: { $read }
demo-last-frame = last frame: { $path }
demo-well = Both saw, heard and wrote to each other.
demo-not-well = Something did not arrive. The lines above say what.
