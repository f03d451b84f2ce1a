# Maru가 하는 말, 한국어. 모든 문장은 언어마다 같은 변수로 있어야 하며 테스트가 비교합니다.

language-system = 시스템 언어

# 시작 화면
app-tagline = 컴퓨터에서 컴퓨터로 바로 잇는 영상 통화
name-label = 이름
name-hint = 다른 사람에게 보이는 이름
room-label = 방
room-hint = 같은 방 이름을 쓰는 사람끼리 통화합니다
join = 들어가기
cancel = 취소
settings = 설정
server-label = 서버
server-hint = 비워 두면 이 네트워크에서 찾습니다
language-label = 언어
joining-searching = 이 네트워크에서 서버를 찾고 있습니다…
joining-connecting = { $server }에 연결하고 있습니다…

# 입력한 내용
name-empty = 먼저 이름을 입력해 주십시오.
name-too-long = 이름이 { $length }자입니다. { $limit }자까지 쓸 수 있습니다.
name-control = 이름에 표시할 수 없는 문자가 있습니다. 다시 입력해 주십시오.
room-empty = 먼저 방 이름을 입력해 주십시오. 같은 이름을 입력한 사람끼리 통화합니다.
room-too-long = 방 이름이 { $length }자입니다. { $limit }자까지 쓸 수 있습니다.
room-control = 방 이름에 표시할 수 없는 문자가 있습니다. 다시 입력해 주십시오.
server-scheme = 서버 주소는 ws:// 또는 wss://로 시작합니다. 비워 두면 이 네트워크에서 찾습니다.

# 장치
camera = 카메라
microphone = 마이크
speaker = 스피커
choice-auto = 자동
choice-auto-named = 자동 ({ $name })
choice-none = 없음
choice-test-picture = 시험 화면
choice-test-sound = 시험 소리
choice-file = 파일 { $name }
device-opening = 여는 중…
microphone-level = 마이크 음량
camera-missing = 카메라를 찾지 못했습니다. 연결하시거나 카메라 없이 계속하십시오.
camera-not-found = 카메라 “{ $name }”{ JOSA($name, "이/가") } 없습니다. 연결하시거나 다른 카메라를 고르십시오.
camera-busy = 카메라 “{ $name }”{ JOSA($name, "을/를") } 다른 프로그램이 쓰고 있습니다. 그 프로그램을 닫으면 자동으로 연결됩니다.
camera-unplugged = 카메라 “{ $name }”{ JOSA($name, "이/가") } 빠졌습니다. 다시 연결하면 바로 사용합니다.
camera-unusable = 카메라 “{ $name }”{ JOSA($name, "을/를") } 쓸 수 없습니다: { $reason }. 다른 카메라를 골라 보십시오.
camera-crashed = Maru의 오류로 카메라가 멈췄습니다: { $reason }. 다시 골라 주십시오.
microphone-missing = 마이크를 찾지 못했습니다. 연결하시거나 마이크 없이 계속하십시오.
microphone-not-found = 마이크 “{ $name }”{ JOSA($name, "이/가") } 없습니다. 연결하시거나 다른 마이크를 고르십시오.
microphone-busy = 마이크 “{ $name }”{ JOSA($name, "을/를") } 다른 프로그램이 쓰고 있습니다. 그 프로그램을 닫으면 자동으로 연결됩니다.
microphone-unplugged = 마이크 “{ $name }”{ JOSA($name, "이/가") } 빠졌습니다. 다시 연결하면 바로 사용합니다.
microphone-unusable = 마이크 “{ $name }”{ JOSA($name, "을/를") } 쓸 수 없습니다: { $reason }. 다른 마이크를 골라 보십시오.
microphone-crashed = Maru의 오류로 마이크가 멈췄습니다: { $reason }. 다시 골라 주십시오.
speaker-missing = 스피커를 찾지 못했습니다. 연결하시거나 스피커 없이 계속하십시오.
speaker-not-found = 스피커 “{ $name }”{ JOSA($name, "이/가") } 없습니다. 연결하시거나 다른 스피커를 고르십시오.
speaker-busy = 스피커 “{ $name }”{ JOSA($name, "을/를") } 다른 프로그램이 쓰고 있습니다. 그 프로그램을 닫으면 자동으로 연결됩니다.
speaker-unplugged = 스피커 “{ $name }”{ JOSA($name, "이/가") } 빠졌습니다. 다시 연결하면 바로 사용합니다.
speaker-unusable = 스피커 “{ $name }”{ JOSA($name, "을/를") } 쓸 수 없습니다: { $reason }. 다른 스피커를 골라 보십시오.
speaker-crashed = Maru의 오류로 스피커가 멈췄습니다: { $reason }. 다시 골라 주십시오.

# 통화
room-name = 방 { $room }
invite = 초대: 이 통화의 링크 복사
alone = 아직 아무도 없습니다.
alone-hint = 다른 사람은 방 이름 “{ $room }”{ JOSA($room, "을/를") } 입력하거나, 위의 단추로 복사한 링크를 브라우저에서 열어 들어옵니다.
you = 나
mute = 마이크 끄기 ({ $key })
unmute = 마이크 켜기 ({ $key })
camera-stop = 카메라 끄기 ({ $key })
camera-start = 카메라 켜기 ({ $key })
chat-button = 채팅 ({ $key })
chat-button-unread = 채팅, 읽지 않은 글 { $count }개 ({ $key })
devices-button = 장치와 설정 ({ $key })
stats-button = 연결 상태 수치 ({ $key })
leave = 통화 나가기 ({ $key })
close = 닫기 ({ $key })
picture-of = { $name }님의 화면
picture-of-muted = { $name }님의 화면, 마이크 꺼짐
picture-of-camera-off = { $name }님의 화면, 카메라 꺼짐
picture-of-camera-off-muted = { $name }님의 화면, 카메라와 마이크 꺼짐
own-picture = 내 화면
own-picture-off = 내 화면, 카메라 꺼짐
peer-connecting = 연결하는 중…
peer-interrupted = 끊겼습니다. 다시 연결하는 중…
peer-unreachable = 연결할 수 없습니다: { $reason }
peer-camera-off = 카메라 꺼짐
peer-waiting = 화면을 기다리는 중…
server-lost-bar = 서버가 응답하지 않습니다. 통화는 계속되지만 서버가 돌아올 때까지 새로 들어올 수 없습니다.

# 수치
stats-picture = { $width }×{ $height } · 초당 { $fps }프레임
stats-rates = 받기 { $down } · 보내기 { $up } kbit/s
stats-network = 손실 { $loss } % · 지터 { $jitter } ms
stats-round-trip = 왕복 { $round_trip } ms
stats-delays = 화면 { $video } ms · 소리 { $audio } ms
stats-concealed = 메운 소리 { $concealed } %
stats-waits = 보낼 때 대기: 여기 { $here } ms, 가는 길 { $way } ms
stats-decoding = 디코딩 { $decoding } ms
stats-limited = 제한: { $limit }
stats-sent = 보냄 { $width }×{ $height } · 초당 { $fps }프레임
stats-encoding = 촬영에서 인코딩까지 { $encoding } ms
limit-none = 없음
limit-network = 네트워크
limit-cpu = 프로세서
limit-camera = 카메라

# 채팅
chat-title = 채팅
chat-empty = 여기에 쓰면 방에 있는 모두에게 전해집니다.
chat-input = 메시지
chat-input-hint = 메시지를 입력하십시오
chat-send = 보내기 (Enter)
chat-too-long = 메시지가 { $length }자입니다. { $limit }자까지 쓸 수 있습니다.
chat-pending = 아직 전달되지 않았습니다 ({ $total }명 중 0명)
chat-delivered = { $total }명 중 { $count }명에게 전달되었습니다
chat-nobody = 읽을 사람이 없었습니다

# 장치 창
devices-title = 장치와 설정
rename = 바꾸기

# 알림
notice-entered = 방 “{ $room }”에 들어왔습니다.
notice-own-server = 이 네트워크에서 서버를 찾지 못해 이 컴퓨터가 서버가 되었습니다.
notice-invited = 링크를 복사했습니다. 브라우저에서 열면 이 통화에 들어옵니다.
notice-invited-plain = 링크를 복사했습니다. 브라우저에서 열면 보고 듣고 쓸 수 있습니다. 상대에게 보이고 들리려면 https 서버나 앱이 필요합니다.
notice-present = { $name } 님이 방에 있습니다.
notice-joined = { $name }님이 들어왔습니다.
notice-left = { $name }님이 나갔습니다.
notice-lost = { $name }님과의 연결이 끊어졌습니다.
notice-renamed = { $old }님이 이름을 { $name }{ JOSA($name, "으로/로") } 바꾸었습니다.
notice-interrupted = { $name }님과의 연결이 잠시 끊겼습니다.
notice-restored = { $name }님과 다시 연결되었습니다.
notice-unreachable = { $name }님과 연결할 수 없습니다: { $reason }
notice-server-lost = 서버가 응답하지 않습니다. 통화는 계속됩니다.
notice-server-back = 서버가 다시 응답합니다.
notice-camera-back = 카메라 “{ $name }”{ JOSA($name, "을/를") } 다시 사용합니다.
notice-microphone-back = 마이크 “{ $name }”{ JOSA($name, "을/를") } 다시 사용합니다.
notice-speaker-back = 스피커 “{ $name }”{ JOSA($name, "을/를") } 다시 사용합니다.

# 통화가 끝난 까닭
ended-left = 통화에서 나왔습니다.
ended-bad-url = “{ $url }”{ JOSA($url, "은/는") } 서버 주소가 아닙니다: { $reason }. 주소는 wss://example.org와 같은 모양입니다.
ended-no-server = { $url }에서 응답이 없습니다 ({ $reason }). 주소와 네트워크를 확인하고 다시 시도해 주십시오.
ended-not-a-server = { $url }에서 응답한 것은 Maru 서버가 아닙니다 ({ $reason }). 주소를 확인해 주십시오.
ended-other-version = 서버의 버전이 다릅니다 ({ $server }). 이 컴퓨터와 서버에 최신 Maru를 설치해 주십시오.
ended-room-full = 방이 가득 찼습니다. 누군가 나갈 때까지 기다리거나 다른 방 이름을 정해 주십시오.
ended-room-full-capacity = 방이 가득 찼습니다. 이 방에는 { $capacity }명까지 들어갑니다. 누군가 나갈 때까지 기다리거나 다른 방 이름을 정해 주십시오.
ended-server-full = 서버가 가득 찼습니다. 나중에 다시 시도하거나 다른 서버를 사용해 주십시오.
ended-internal = Maru의 오류로 통화가 끝났습니다: { $reason }. 다시 시도해 주십시오.

# 터미널
progress-searching = 이 네트워크에서 서버를 찾고 있습니다…
terminal-too-fast = 너무 빨라서 메시지를 보내지 못했습니다. 잠시 뒤에 다시 써 주십시오.
window-no-display = 창을 열 화면이 없습니다. 터미널에서 통화하려면 --headless 방이름을, 시연을 보려면 --demo를 사용하십시오.
devices-cameras = 카메라:
devices-microphones = 마이크:
devices-speakers = 스피커:
devices-none-found = 찾지 못했습니다

# 시연
demo-no-display = 화면이 없어서 터미널에서 시연 통화를 합니다.
demo-begins = 두 클라이언트가 자체 서버 { $server }를 거쳐 { $seconds }초 동안 서로 통화합니다.
demo-windows = 두 창이 자체 서버 { $server }를 거쳐 서로 통화합니다. 두 창을 모두 닫으면 시연이 끝납니다.
demo-window-failed = 창이 오류로 끝났습니다 ({ $status }).
demo-failed = 시연을 할 수 없었습니다: { $reason }
demo-yes = 예
demo-no = 아니요
demo-verdict = { $name }: 상대의 화면을 봄 { $saw } (화면 { $pictures }장), 소리를 들음 { $heard }, 읽은 글 { $read }
demo-shot = 본 화면: { $path }
demo-well = 서로 보고 듣고 글을 주고받았습니다.
demo-not-well = 전해지지 않은 것이 있습니다. 위의 줄에 나와 있습니다.
