# What Maru says, in English. Every message exists in each language with the same variables: a test compares them.

language-system = Language of the system

# The start screen
app-tagline = Video calls from machine to machine
name-label = Your name
name-hint = How others see you
room-label = Room
room-hint = Whoever types the same name is in the same call
join = Join
cancel = Cancel
settings = Settings
server-label = Server
server-hint = Empty: look on this network
language-label = Language
joining-searching = Looking for a server on this network…
joining-connecting = Connecting to { $server }…

# What is typed
name-empty = Type your name first.
name-too-long = The name has { $length } characters. At most { $limit } are possible.
name-control = The name has a character that cannot be shown. Please type it again.
room-empty = Type a room name first. Whoever types the same one is in the same call.
room-too-long = The room name has { $length } characters. At most { $limit } are possible.
room-control = The room name has a character that cannot be shown. Please type it again.
server-scheme = A server address starts with ws:// or wss://. Leave the field empty to look on this network.

# Devices
camera = Camera
microphone = Microphone
speaker = Speaker
choice-auto = Automatic
choice-auto-named = Automatic ({ $name })
choice-none = None
choice-test-picture = Test picture
choice-test-sound = Test sound
choice-file = File { $name }
device-opening = Opening…
microphone-level = Microphone level
camera-missing = No camera was found. Plug one in, or go on without.
camera-not-found = The camera “{ $name }” is not there. Plug it in or choose another one.
camera-busy = The camera “{ $name }” is used by another program. Close that program, and it is taken by itself.
camera-unplugged = The camera “{ $name }” was unplugged. It is used again as soon as it is back.
camera-unusable = The camera “{ $name }” cannot be used: { $reason }. Try another one.
camera-crashed = The camera stopped because of an error in Maru: { $reason }. Choose it again.
microphone-missing = No microphone was found. Plug one in, or go on without.
microphone-not-found = The microphone “{ $name }” is not there. Plug it in or choose another one.
microphone-busy = The microphone “{ $name }” is used by another program. Close that program, and it is taken by itself.
microphone-unplugged = The microphone “{ $name }” was unplugged. It is used again as soon as it is back.
microphone-unusable = The microphone “{ $name }” cannot be used: { $reason }. Try another one.
microphone-crashed = The microphone stopped because of an error in Maru: { $reason }. Choose it again.
speaker-missing = No speaker was found. Plug one in, or go on without.
speaker-not-found = The speaker “{ $name }” is not there. Plug it in or choose another one.
speaker-busy = The speaker “{ $name }” is used by another program. Close that program, and it is taken by itself.
speaker-unplugged = The speaker “{ $name }” was unplugged. It is used again as soon as it is back.
speaker-unusable = The speaker “{ $name }” cannot be used: { $reason }. Try another one.
speaker-crashed = The speaker stopped because of an error in Maru: { $reason }. Choose it again.

# The call
room-name = Room { $room }
invite = Invite: copy a link to this call
alone = Nobody else is here yet.
alone-hint = Others join by typing the room name “{ $room }”, or in a browser by the link that the button above copies.
you = You
mute = Turn the microphone off ({ $key })
unmute = Turn the microphone on ({ $key })
camera-stop = Turn the camera off ({ $key })
camera-start = Turn the camera on ({ $key })
chat-button = Chat ({ $key })
chat-button-unread = Chat, { $count } unread ({ $key })
devices-button = Devices and settings ({ $key })
stats-button = Figures of the connection ({ $key })
leave = Leave the call ({ $key })
close = Close ({ $key })
picture-of = Picture of { $name }
picture-of-muted = Picture of { $name }, microphone off
picture-of-camera-off = Picture of { $name }, camera off
picture-of-camera-off-muted = Picture of { $name }, camera and microphone off
own-picture = Your own picture
own-picture-off = Your own picture, camera off
peer-connecting = Connecting…
peer-interrupted = Interrupted. Reconnecting…
peer-unreachable = No connection: { $reason }
peer-camera-off = Camera off
peer-waiting = Waiting for the picture…
server-lost-bar = The server does not answer. The call goes on; nobody new can join until it is back.

# Figures
stats-picture = { $width }×{ $height } · { $fps } fps
stats-rates = down { $down } · up { $up } kbit/s
stats-network = loss { $loss } % · jitter { $jitter } ms
stats-round-trip = round trip { $round_trip } ms
stats-delays = picture { $video } ms · sound { $audio } ms
stats-concealed = sound made up { $concealed } %
stats-waits = sending waits { $here } ms here, { $way } ms on the way
stats-decoding = decoding { $decoding } ms
stats-limited = limited by { $limit }
stats-sent = sent { $width }×{ $height } · { $fps } fps
stats-encoding = captured to encoded { $encoding } ms
limit-none = nothing
limit-network = the network
limit-cpu = the processor
limit-camera = the camera

# Chat
chat-title = Chat
chat-empty = What you write reaches everyone in the room.
chat-input = Message
chat-input-hint = Write a message
chat-send = Send (Enter)
chat-too-long = The message has { $length } characters. At most { $limit } are possible.
chat-pending = not delivered yet (0 of { $total })
chat-delivered = delivered to { $count } of { $total }
chat-nobody = nobody was here to read it

# Devices panel
devices-title = Devices and settings
rename = Change

# Notices
notice-entered = You are in the room “{ $room }”.
notice-own-server = No server was found on this network, so this computer is one now.
notice-invited = The link is copied. Whoever opens it in a browser joins this call.
notice-invited-plain = The link is copied. Whoever opens it in a browser sees, hears and writes; to be seen and heard they need a server with https, or the app.
notice-present = { $name } is here.
notice-joined = { $name } joined.
notice-left = { $name } left.
notice-lost = { $name } is gone: the connection broke off.
notice-renamed = { $old } is now called { $name }.
notice-interrupted = The connection to { $name } is interrupted.
notice-restored = The connection to { $name } is back.
notice-unreachable = No connection to { $name } can be made: { $reason }
notice-server-lost = The server does not answer. The call goes on.
notice-server-back = The server is back.
notice-camera-back = The camera “{ $name }” is in use again.
notice-microphone-back = The microphone “{ $name }” is in use again.
notice-speaker-back = The speaker “{ $name }” is in use again.

# Why a call ended
ended-left = You left the call.
ended-bad-url = “{ $url }” is no server address: { $reason }. An address looks like wss://example.org.
ended-no-server = Nobody answers at { $url } ({ $reason }). Check the address and the network, and try again.
ended-not-a-server = What answers at { $url } is not a Maru server ({ $reason }). Check the address.
ended-other-version = The server speaks another version ({ $server }). Install the newest Maru here and on the server.
ended-room-full = The room is full. Wait until someone leaves, or agree on another room name.
ended-room-full-capacity = The room is full: it holds { $capacity }. Wait until someone leaves, or agree on another room name.
ended-server-full = The server is full. Try again later, or use another server.
ended-internal = The call ended because of an error in Maru: { $reason }. Please try again.

# In the terminal
progress-searching = Looking for a server on this network…
terminal-too-fast = That was too fast: the message was not sent. Write it again in a moment.
window-no-display = There is no display to open a window on. Use --headless ROOM for a call in the terminal, or --demo for a demonstration.
devices-cameras = Cameras:
devices-microphones = Microphones:
devices-speakers = Speakers:
devices-none-found = none found

# The demonstration
demo-no-display = There is no display, so the demonstration call is held in the terminal.
demo-begins = Two clients call each other for { $seconds } seconds, through a server of their own at { $server }.
demo-windows = Two windows call each other, through a server of their own at { $server }. Close both to end the demonstration.
demo-window-failed = A window ended with an error ({ $status }).
demo-failed = The demonstration could not be held: { $reason }
demo-yes = yes
demo-no = no
demo-verdict = { $name }: saw the other { $saw } ({ $pictures } pictures), heard { $heard }, read { $read }
demo-shot = what it saw: { $path }
demo-well = Both saw, heard and wrote to each other.
demo-not-well = Something did not arrive. The lines above say what.
