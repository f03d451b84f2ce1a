// What the page says, in the browser's language.

const TEXTS = {
  en: {
    name: 'Your name', room: 'Room', join: 'Join', joining: 'Joining…', leave: 'Leave', chat: 'Chat', send: 'Send', devices: 'Devices',
    you: 'You', people: 'People in the call', ownPicture: 'Your own picture', controls: 'Controls', messages: 'Messages', message: 'Message',
    audioOn: 'Microphone on', audioOff: 'Microphone off', videoOn: 'Camera on', videoOff: 'Camera off', cameraOffTile: 'No camera picture',
    microphone: 'Microphone', camera: 'Camera', speaker: 'Speaker', device: n => `Device ${n}`,
    room_: room => `Room “${room}”`, alone: 'Nobody else is here yet. Whoever opens the same link, or types the same room name in Maru, joins you.',
    insecure: 'This page was opened over plain http, and browsers allow camera and microphone only over https or on localhost. You can still see, hear and write to the others; they will not see or hear you.',
    unsupported: 'This browser cannot hold a video call (it has no WebRTC). Use a current Firefox, Chrome, Edge or Safari, or the Maru app.',
    denied: { audio: 'The browser does not let this page use the microphone. The others cannot hear you. Allow it in the address bar, then switch the microphone on again.', video: 'The browser does not let this page use the camera. The others cannot see you. Allow it in the address bar, then switch the camera on again.' },
    missing: { audio: 'No microphone was found. You can still hear and write.', video: 'No camera was found. The others see your name.' },
    busy: { audio: 'The microphone is used by another program. Close that, then switch the microphone on again.', video: 'The camera is used by another program. Close that, then switch the camera on again.' },
    unplugged: { audio: 'The microphone was unplugged. It is used again as soon as it is back.', video: 'The camera was unplugged. It is used again as soon as it is back.' },
    joined: name => `${name} joined.`, isHere: name => `${name} is here.`, left: name => `${name} left.`, renamed: (before, name) => `${before} is ${name} now.`,
    connecting: name => `Connecting to ${name}…`, interrupted: name => `The connection to ${name} is interrupted.`,
    serverLost: 'The server is not reachable. The call goes on; nobody new can join until it is back.',
    muted: 'muted', delivered: 'delivered', notDelivered: 'not delivered yet', deliveredTo: (n, all) => `delivered to ${n} of ${all}`,
    'room-full': capacity => `The room is full: it holds ${capacity} people. Try again when someone has left.`,
    'server-full': () => 'The server is full. Try again later.', 'bad-room': () => 'This room name does not work. Use 1 to 64 letters, digits or signs.',
    'bad-name': () => 'This name does not work. Use 1 to 32 letters, digits or signs.',
    'unsupported-version': () => 'This page and the server are of different versions. Reload the page.',
    replaced: () => 'This call goes on in another connection of the same page.',
    'no-server': () => 'The server does not answer. Check your network, and try again.',
  },
  ko: {
    name: '이름', room: '방', join: '입장', joining: '입장하는 중…', leave: '나가기', chat: '채팅', send: '보내기', devices: '장치',
    you: '나', people: '통화 중인 사람', ownPicture: '내 화면', controls: '조작', messages: '메시지', message: '메시지',
    audioOn: '마이크 켜짐', audioOff: '마이크 꺼짐', videoOn: '카메라 켜짐', videoOff: '카메라 꺼짐', cameraOffTile: '카메라 화면 없음',
    microphone: '마이크', camera: '카메라', speaker: '스피커', device: n => `장치 ${n}`,
    room_: room => `방 “${room}”`, alone: '아직 아무도 없습니다. 같은 링크를 열거나 Maru에서 같은 방 이름을 입력하면 만납니다.',
    insecure: '이 페이지는 암호화되지 않은 http로 열렸습니다. 브라우저는 https나 localhost에서만 카메라와 마이크를 허용합니다. 보고 듣고 쓸 수는 있지만, 상대방은 나를 보거나 들을 수 없습니다.',
    unsupported: '이 브라우저로는 화상 통화를 할 수 없습니다(WebRTC가 없습니다). 최신 Firefox, Chrome, Edge, Safari나 Maru 앱을 쓰세요.',
    denied: { audio: '브라우저가 마이크 사용을 막았습니다. 상대방이 내 소리를 들을 수 없습니다. 주소창에서 허용한 뒤 마이크를 다시 켜세요.', video: '브라우저가 카메라 사용을 막았습니다. 상대방이 나를 볼 수 없습니다. 주소창에서 허용한 뒤 카메라를 다시 켜세요.' },
    missing: { audio: '마이크가 없습니다. 듣고 쓸 수는 있습니다.', video: '카메라가 없습니다. 상대방에게는 이름이 보입니다.' },
    busy: { audio: '다른 프로그램이 마이크를 쓰고 있습니다. 그 프로그램을 닫고 마이크를 다시 켜세요.', video: '다른 프로그램이 카메라를 쓰고 있습니다. 그 프로그램을 닫고 카메라를 다시 켜세요.' },
    unplugged: { audio: '마이크가 뽑혔습니다. 다시 꽂으면 바로 씁니다.', video: '카메라가 뽑혔습니다. 다시 꽂으면 바로 씁니다.' },
    joined: name => `${name} 님이 들어왔습니다.`, isHere: name => `${name} 님이 있습니다.`, left: name => `${name} 님이 나갔습니다.`, renamed: (before, name) => `${before} 님의 이름이 ${name}(으)로 바뀌었습니다.`,
    connecting: name => `${name} 님과 연결하는 중…`, interrupted: name => `${name} 님과의 연결이 끊겼습니다. 다시 잇는 중입니다.`,
    serverLost: '서버에 닿지 않습니다. 통화는 계속되지만, 서버가 돌아올 때까지 새로 들어올 수 없습니다.',
    muted: '음소거', delivered: '전달됨', notDelivered: '아직 전달되지 않음', deliveredTo: (n, all) => `${all}명 중 ${n}명에게 전달됨`,
    'room-full': capacity => `방이 가득 찼습니다(${capacity}명). 누군가 나가면 다시 해 보세요.`,
    'server-full': () => '서버가 가득 찼습니다. 나중에 다시 해 보세요.', 'bad-room': () => '쓸 수 없는 방 이름입니다. 1~64자로 적어 주세요.',
    'bad-name': () => '쓸 수 없는 이름입니다. 1~32자로 적어 주세요.',
    'unsupported-version': () => '페이지와 서버의 버전이 다릅니다. 페이지를 새로 고치세요.',
    replaced: () => '같은 페이지의 다른 연결에서 통화가 이어집니다.',
    'no-server': () => '서버가 응답하지 않습니다. 네트워크를 확인하고 다시 해 보세요.',
  },
};

export const language = navigator.languages.map(tag => tag.slice(0, 2)).find(tag => tag in TEXTS) ?? 'en';
export const texts = TEXTS[language];

/** Fills in every element that names a text (`data-text`) or a label (`data-label`). */
export function translate(root) {
  document.documentElement.lang = language;
  for (const element of root.querySelectorAll('[data-text]')) element.textContent = texts[element.dataset.text];
  for (const element of root.querySelectorAll('[data-label]')) element.setAttribute('aria-label', texts[element.dataset.label]);
}
