# Maru의 한국어 문장. 모든 메시지는 언어마다 같은 변수를 가지며, 테스트가 이를 비교합니다.
# JOSA($name, "을/를")는 앞말의 받침에 맞는 조사를 고릅니다.

language-system = 시스템 언어

# 시작 화면
app-tagline = 컴퓨터끼리 직접 연결하는 영상 통화
name-label = 이름
name-hint = 다른 사람에게 보이는 이름
room-label = 방
room-hint = 같은 방 이름을 입력한 사람끼리 통화합니다
join = 들어가기
cancel = 취소
settings = 설정
server-label = 서버
server-hint = 비워 두면 로컬 네트워크에서 찾습니다
language-label = 언어
searching-server = 로컬 네트워크에서 서버를 찾는 중…
connecting-to-server = { $server }에 연결하는 중…

# 입력 오류
name-empty = 먼저 이름을 입력하십시오.
name-too-long = 이름이 { $length }자입니다. { $limit }자까지 입력할 수 있습니다.
name-control = 이름에 표시할 수 없는 문자가 있습니다. 다시 입력하십시오.
room-empty = 먼저 방 이름을 입력하십시오. 같은 방 이름을 입력한 사람끼리 통화합니다.
room-too-long = 방 이름이 { $length }자입니다. { $limit }자까지 입력할 수 있습니다.
room-control = 방 이름에 표시할 수 없는 문자가 있습니다. 다시 입력하십시오.
server-scheme = 서버 주소는 ws:// 또는 wss://로 시작합니다. 비워 두면 로컬 네트워크에서 찾습니다.

# 장치
camera = 카메라
microphone = 마이크
speaker = 스피커
choice-auto = 자동
choice-auto-named = 자동 ({ $name })
choice-none = 없음
choice-test-pattern = 테스트 화면
choice-test-sound = 테스트 소리
choice-file = 파일 { $name }
device-opening = 여는 중…
microphone-level = 마이크 음량
microphone-silent = 마이크에서 아무 소리도 들어오지 않습니다. 마이크가 꺼져 있거나 다른 마이크를 선택해야 할 수 있습니다.
test-microphone = 3초 동안 녹음해 들어 보기
test-recording = 녹음 중: 말씀해 보세요… (멈추기)
test-playing = 재생 중… (멈추기)
test-speaker = 소리 재생해 보기
speaking-muted = 말하고 있지만 마이크가 꺼져 있습니다 ({ $key })
volume-of = { $name }의 음량
echo-cancellation = 에코 제거
echo-cancellation-hint = 스피커에서 나온 소리가 상대에게 되돌아가지 않게 합니다.
automatic-gain = 작은 목소리 키우기
automatic-gain-hint = 시스템의 마이크 음량은 바꾸지 않습니다.
noise-suppression = 잡음 제거
noise-suppression-off = 끔
noise-suppression-moderate = 보통
noise-suppression-strong = 강하게
camera-missing = 카메라를 찾지 못했습니다. 카메라를 연결하거나 카메라 없이 계속하십시오.
camera-not-found = 카메라 “{ $name }”{ JOSA($name, "을/를") } 찾지 못했습니다. 다시 연결하거나 다른 카메라를 선택하십시오.
camera-busy = 다른 프로그램이 카메라 “{ $name }”{ JOSA($name, "을/를") } 사용하고 있습니다. 그 프로그램을 닫으면 Maru가 카메라를 엽니다.
camera-unplugged = 카메라 “{ $name }”의 연결이 끊어졌습니다. 다시 연결하면 바로 사용합니다.
camera-not-responding = 카메라 “{ $name }”{ JOSA($name, "이/가") } 응답하지 않습니다. Maru가 다시 여는 중입니다. 계속 응답하지 않으면 카메라를 뺐다가 다시 연결하십시오.
camera-unusable = 카메라 “{ $name }”{ JOSA($name, "을/를") } 사용할 수 없습니다: { $reason }. 다른 카메라를 선택하십시오.
camera-crashed = Maru의 오류로 카메라가 멈췄습니다: { $reason }. Maru가 다시 엽니다. 그래도 안 되면 카메라를 다시 선택하십시오.
microphone-missing = 마이크를 찾지 못했습니다. 마이크를 연결하거나 마이크 없이 계속하십시오.
microphone-not-found = 마이크 “{ $name }”{ JOSA($name, "을/를") } 찾지 못했습니다. 다시 연결하거나 다른 마이크를 선택하십시오.
microphone-busy = 다른 프로그램이 마이크 “{ $name }”{ JOSA($name, "을/를") } 사용하고 있습니다. 그 프로그램을 닫으면 Maru가 마이크를 엽니다.
microphone-unplugged = 마이크 “{ $name }”의 연결이 끊어졌습니다. 다시 연결하면 바로 사용합니다.
microphone-not-responding = 마이크 “{ $name }”{ JOSA($name, "이/가") } 응답하지 않습니다. Maru가 다시 여는 중입니다. 계속 응답하지 않으면 마이크를 뺐다가 다시 연결하십시오.
microphone-unusable = 마이크 “{ $name }”{ JOSA($name, "을/를") } 사용할 수 없습니다: { $reason }. 다른 마이크를 선택하십시오.
microphone-crashed = Maru의 오류로 마이크가 멈췄습니다: { $reason }. Maru가 다시 엽니다. 그래도 안 되면 마이크를 다시 선택하십시오.
speaker-missing = 스피커를 찾지 못했습니다. 스피커를 연결하거나 스피커 없이 계속하십시오.
speaker-not-found = 스피커 “{ $name }”{ JOSA($name, "을/를") } 찾지 못했습니다. 다시 연결하거나 다른 스피커를 선택하십시오.
speaker-busy = 다른 프로그램이 스피커 “{ $name }”{ JOSA($name, "을/를") } 사용하고 있습니다. 그 프로그램을 닫으면 Maru가 스피커를 엽니다.
speaker-unplugged = 스피커 “{ $name }”의 연결이 끊어졌습니다. 다시 연결하면 바로 사용합니다.
device-stands-in = “{ $chosen }”{ JOSA($chosen, "이/가") } 없어 다시 연결될 때까지 “{ $name }”{ JOSA($name, "을/를") } 사용합니다.
device-takes-over = 이제 “{ $name }”{ JOSA($name, "을/를") } 사용합니다.
speaker-not-responding = 스피커 “{ $name }”{ JOSA($name, "이/가") } 응답하지 않습니다. Maru가 다시 여는 중입니다. 계속 응답하지 않으면 스피커를 뺐다가 다시 연결하십시오.
speaker-unusable = 스피커 “{ $name }”{ JOSA($name, "을/를") } 사용할 수 없습니다: { $reason }. 다른 스피커를 선택하십시오.
speaker-crashed = Maru의 오류로 스피커가 멈췄습니다: { $reason }. Maru가 다시 엽니다. 그래도 안 되면 스피커를 다시 선택하십시오.

# 통화 화면
room-name = 방 { $room }
invite = 초대 링크 복사
alone = 아직 아무도 없습니다.
alone-hint = 다른 사람은 방 이름 “{ $room }”{ JOSA($room, "을/를") } 입력하거나 브라우저에서 초대 링크를 열어 들어옵니다. 위의 버튼을 누르면 링크가 복사됩니다.
you = 나
mute = 마이크 끄기 ({ $key })
unmute = 마이크 켜기 ({ $key })
microphone-none = 마이크 없음: 상대에게 소리가 가지 않습니다 ({ $key })
camera-stop = 카메라 끄기 ({ $key })
camera-start = 카메라 켜기 ({ $key })
camera-none = 카메라 없음: 상대에게 영상이 가지 않습니다 ({ $key })
chat-button = 채팅 ({ $key })
chat-button-unread = 채팅, 읽지 않은 메시지 { $count }개 ({ $key })
devices-button = 장치 및 설정 ({ $key })
stats-button = 연결 통계 ({ $key })
leave = 통화에서 나가기 ({ $key })
close = 닫기 ({ $key })
video-of = { $name }님의 영상
video-of-muted = { $name }님의 영상, 마이크 꺼짐
video-of-camera-off = { $name }님의 영상, 카메라 꺼짐
video-of-camera-off-muted = { $name }님의 영상, 카메라와 마이크 꺼짐
own-video = 내 영상
own-video-off = 내 영상, 카메라 꺼짐
peer-connecting = 연결하는 중…
peer-away = 자리 비움
peer-interrupted = 다시 연결하는 중…
peer-unreachable = 연결할 수 없습니다: { $reason }
peer-camera-off = 카메라 꺼짐
peer-no-video = 영상 없음: 상대 프로그램에 H.264가 없습니다
peer-waiting = 영상을 기다리는 중…
server-lost-bar = 서버가 응답하지 않습니다. 통화는 계속되지만, 서버가 복구될 때까지 새로 들어올 수 없습니다.
replaced-bar = 이 앱의 복사본이 방에서 내 자리를 대신했습니다. 연결된 사람과는 통화가 계속되지만, 새로 들어온 사람과는 연결되지 않습니다. 돌아가려면 나갔다가 다시 들어가십시오.

# 연결 통계
stats-frame = { $width }×{ $height } · { $fps } fps
stats-bitrates = 수신 { $received } · 송신 { $sent } kbit/s
stats-network = 손실 { $loss } % · 지터 { $jitter } ms
stats-round-trip = 왕복 시간 { $round_trip } ms
stats-delays = 영상 지연 { $video } ms · 재생 지연 { $playout } ms
stats-queues = 송신 대기 { $send } ms · 네트워크 대기 { $network } ms
stats-decode-delay = 디코딩 지연 { $decode } ms
stats-concealed = 복원된 소리 { $concealed } %
stats-not-limited = 제한 없음
stats-limited-network = 제한 요인: 네트워크
stats-limited-cpu = 제한 요인: CPU
stats-limited-camera = 제한 요인: 카메라
stats-sent-frame = 송신 { $width }×{ $height } · { $fps } fps
stats-encode-delay = 인코딩 지연 { $encode } ms

# 채팅
chat-title = 채팅
chat-empty = 메시지는 방에 있는 모두에게 전달됩니다.
chat-input = 메시지
chat-input-hint = 메시지를 입력하십시오
chat-send = 보내기 (Enter)
chat-too-long = 메시지가 { $length }자입니다. { $limit }자까지 보낼 수 있습니다.
chat-pending = 아직 전달되지 않음 ({ $total }명 중 0명)
chat-delivered = { $total }명 중 { $count }명에게 전달됨
chat-nobody = 받을 사람이 없었음
chat-earlier = 위는 이전 통화의 대화
chat-unread = 새 메시지
chat-newest = 아래에 새 메시지
chat-copy = 메시지 복사
chat-copy-link = 링크 복사

# 장치 패널
devices-title = 장치 및 설정
rename = 변경

# 알림
notice-entered = 방 “{ $room }”에 들어왔습니다.
notice-own-server = 로컬 네트워크에 서버가 없어서 이 컴퓨터가 서버가 되었습니다.
notice-invited = 링크를 복사했습니다. 브라우저에서 이 링크를 열면 통화에 들어올 수 있습니다.
notice-invited-plain = 링크를 복사했습니다. 브라우저에서 이 링크를 열면 보고 듣고 채팅할 수 있습니다. 카메라와 마이크를 사용하려면 https 서버나 앱이 필요합니다.
notice-present = { $name }님이 있습니다.
notice-joined = { $name }님이 들어왔습니다.
notice-left = { $name }님이 나갔습니다.
notice-lost = { $name }님의 연결이 끊어졌습니다.
notice-renamed = { $old }님이 이름을 { $name }{ JOSA($name, "으로/로") } 바꾸었습니다.
notice-interrupted = { $name }님과의 연결이 일시적으로 끊겼습니다.
notice-away = { $name }님이 자리를 비웠습니다. 컴퓨터가 절전 중일 수 있습니다. 돌아오면 다시 연결됩니다.
notice-restored = { $name }님과 다시 연결되었습니다.
notice-no-video = { $name }님과는 영상을 주고받을 수 없습니다. 상대 프로그램에 H.264가 없습니다. 소리와 채팅은 됩니다.
notice-no-audio = { $name }님과는 소리를 주고받을 수 없습니다. 상대 프로그램에 Opus가 없습니다.
notice-unreachable = { $name }님과 연결할 수 없습니다: { $reason }
notice-server-lost = 서버가 응답하지 않습니다. 통화는 계속됩니다.
notice-server-back = 서버가 복구되었습니다.
notice-computer-at-limit = 컴퓨터의 처리 능력이 한계에 이르러 내 영상을 더 작게 보냅니다. 다른 프로그램을 닫으면 나아집니다.
notice-replaced = 이 앱의 복사본이 방에서 내 자리를 대신했습니다. 연결된 사람과는 통화가 계속됩니다.
notice-camera-back = 카메라 “{ $name }”{ JOSA($name, "을/를") } 다시 사용합니다.
notice-microphone-back = 마이크 “{ $name }”{ JOSA($name, "을/를") } 다시 사용합니다.
notice-not-saved = “{ $file }”{ JOSA($file, "을/를") } 쓸 수 없습니다: { $reason }. 이후 내용은 저장되지 않습니다.
notice-speaker-back = 스피커 “{ $name }”{ JOSA($name, "을/를") } 다시 사용합니다.

# 통화가 끝난 이유
ended-left = 통화에서 나왔습니다.
ended-bad-url = “{ $url }”{ JOSA($url, "은/는") } 서버 주소가 아닙니다 ({ $reason }). wss://example.org와 같은 주소를 입력하십시오.
ended-no-server = { $url }에서 서버가 응답하지 않습니다 ({ $reason }). 주소와 네트워크를 확인한 뒤 다시 시도하십시오.
ended-bad-certificate = { $url }의 인증서를 신뢰할 수 없습니다 ({ $reason }). 주소와 이 컴퓨터의 시계를 확인하십시오. 소속 기관에 자체 인증 기관이 있으면 그 인증서를 설치하거나 파일을 SSL_CERT_FILE에 지정하십시오.
ended-not-a-server = { $url }에서 받은 응답이 Maru 서버의 응답이 아닙니다 ({ $reason }). 주소를 확인하십시오.
ended-other-version = 서버의 버전이 다릅니다 ({ $server }). 이 컴퓨터와 서버에 최신 Maru를 설치하십시오.
ended-room-full = 방이 가득 찼습니다. 누군가 나갈 때까지 기다리거나 다른 방 이름을 사용하십시오.
ended-room-full-capacity = 방이 가득 찼습니다. 이 방에는 { $capacity }명까지 들어갈 수 있습니다. 누군가 나갈 때까지 기다리거나 다른 방 이름을 사용하십시오.
ended-server-full = 서버가 가득 찼습니다. 나중에 다시 시도하거나 다른 서버를 사용하십시오.
ended-internal = Maru의 오류로 통화가 끝났습니다: { $reason }. 다시 시도하십시오.

# 터미널
terminal-nobody = 방에 아직 아무도 없어 메시지를 보내지 않았습니다.
terminal-too-long = 메시지가 { $limit }자를 넘어 보내지 않았습니다.
terminal-out-of-reach = { $name }님과 연결되지 않아, 다시 연결될 때까지 더 이상 메시지를 전할 수 없습니다.
terminal-too-fast = 한꺼번에 너무 많은 메시지를 보내서 이 메시지는 전송되지 않았습니다. 잠시 뒤에 다시 보내십시오.
window-no-display = 창을 열 디스플레이가 없습니다. 터미널에서 통화하려면 --headless ROOM을, 데모를 보려면 --demo를 사용하십시오.
devices-cameras = 카메라:
devices-microphones = 마이크:
devices-speakers = 스피커:
devices-none-found = 찾지 못했습니다

# 데모
demo-no-display = 디스플레이가 없어서 터미널에서 데모를 실행합니다.
demo-begins = 두 클라이언트가 전용 서버 { $server }{ JOSA($server, "을/를") } 통해 { $seconds }초 동안 서로 통화합니다.
demo-windows = 두 창이 전용 서버 { $server }{ JOSA($server, "을/를") } 통해 서로 통화합니다. 두 창을 모두 닫으면 데모가 끝납니다.
demo-window-failed = 창이 오류로 종료되었습니다 ({ $status }).
demo-failed = 데모에 실패했습니다: { $reason }
demo-yes = 예
demo-no = 아니요
demo-verdict = { $name }: 영상 수신: { $saw } ({ $frames }프레임), 소리 수신: { $heard }, 받은 메시지: { $read }
demo-last-frame = 마지막 프레임: { $path }
demo-well = 서로 보고, 듣고, 메시지를 주고받았습니다.
demo-not-well = 전달되지 않은 것이 있습니다. 위의 내용을 확인하십시오.
