// The texts of the page, in the browser's language. Words are the same as in assets/i18n.

const TEXTS = {
  en: {
    name: 'Your name', room: 'Room', join: 'Join', joining: 'Joining…', leave: 'Leave', chat: 'Chat', send: 'Send', devices: 'Devices',
    you: 'You', people: 'People in the call', ownVideo: 'Your own video', controls: 'Controls', messages: 'Messages', message: 'Message',
    audioOn: 'Microphone on', audioOff: 'Microphone off', videoOn: 'Camera on', videoOff: 'Camera off', cameraOffTile: 'Camera off',
    microphone: 'Microphone', camera: 'Camera', speaker: 'Speaker', device: n => `Device ${n}`,
    room_: room => `Room ${room}`, alone: 'Nobody else is here yet. Others join by opening this link, or by typing the same room name in Maru.',
    insecure: 'This page was opened over plain http. Browsers allow the camera and microphone only over https or on localhost. You can watch, listen and chat, but the others cannot see or hear you.',
    unsupported: 'This browser does not support video calls (WebRTC is missing). Use a current Firefox, Chrome, Edge or Safari, or the Maru app.',
    denied: { audio: 'The browser blocks the microphone on this page, so the others cannot hear you. Allow it in the address bar, then turn the microphone on again.', video: 'The browser blocks the camera on this page, so the others cannot see you. Allow it in the address bar, then turn the camera on again.' },
    missing: { audio: 'No microphone was found. You can still listen and chat.', video: 'No camera was found. The others see your name.' },
    busy: { audio: 'The microphone is in use by another program. Close that program, then turn the microphone on again.', video: 'The camera is in use by another program. Close that program, then turn the camera on again.' },
    kept: { audio: 'The microphone that you chose cannot be used. The one before is still in use.', video: 'The camera that you chose cannot be used. The one before is still in use.' },
    unplugged: { audio: 'The microphone was unplugged. It is used again as soon as it is back.', video: 'The camera was unplugged. It is used again as soon as it is back.' },
    joined: name => `${name} joined.`, isHere: name => `${name} is here.`, left: name => `${name} left.`, renamed: (before, name) => `${before} is now called ${name}.`,
    connecting: name => `Connecting to ${name}…`, interrupted: name => `The connection to ${name} is interrupted.`,
    unreachable: name => `No connection to ${name} so far. Your networks may not let it through. Attempts go on.`,
    away: name => `${name} is away: the computer may be asleep. You are connected again when it is back.`, awayTile: 'away',
    noVideo: name => `You and ${name} cannot see each other: one of the two programs has no H.264. Sound and chat work.`,
    serverLost: 'The server does not respond. The call continues, but nobody new can join until it is back.',
    handRaised: 'hand raised', raiseHand: 'Raise hand', lowerHand: 'Lower hand', muted: 'microphone off', delivered: 'delivered', notDelivered: 'not delivered yet', deliveredTo: (n, all) => `delivered to ${n} of ${all}`,
    'room-full': capacity => `The room is full: it holds ${capacity} people. Wait until someone leaves, or use another room name.`,
    'server-full': () => 'The server is full. Try again later.', 'bad-room': () => 'This room name is not allowed. Use 1 to 64 characters.',
    'bad-name': () => 'This name is not allowed. Use 1 to 32 characters.',
    'unsupported-version': () => 'This page and the server have different versions. Reload the page.',
    'bad-proof': () => 'The server did not accept this page’s signature. Reload the page.',
    replaced: () => 'A copy of this page took your place in the room. The call continues with those you are connected to, but nobody new can reach you. To return, leave and join again.',
    'no-server': () => 'The server does not respond. Check your network, then try again.',
  },
  ko: {
    name: '이름', room: '방', join: '들어가기', joining: '들어가는 중…', leave: '나가기', chat: '채팅', send: '보내기', devices: '장치',
    you: '나', people: '통화 중인 사람', ownVideo: '내 영상', controls: '통화 버튼', messages: '메시지 목록', message: '메시지',
    audioOn: '마이크 켜짐', audioOff: '마이크 꺼짐', videoOn: '카메라 켜짐', videoOff: '카메라 꺼짐', cameraOffTile: '카메라 꺼짐',
    microphone: '마이크', camera: '카메라', speaker: '스피커', device: n => `장치 ${n}`,
    room_: room => `방 ${room}`, alone: '아직 아무도 없습니다. 다른 사람은 이 링크를 열거나 Maru에서 같은 방 이름을 입력해 들어옵니다.',
    insecure: '이 페이지는 암호화되지 않은 http로 열렸습니다. 브라우저는 https나 localhost에서만 카메라와 마이크를 허용합니다. 보고 듣고 채팅할 수는 있지만, 다른 사람은 나를 보거나 들을 수 없습니다.',
    unsupported: '이 브라우저는 영상 통화를 지원하지 않습니다(WebRTC 없음). 최신 Firefox, Chrome, Edge, Safari 또는 Maru 앱을 사용하십시오.',
    denied: { audio: '브라우저가 이 페이지의 마이크 사용을 차단해서 다른 사람이 내 소리를 들을 수 없습니다. 주소 표시줄에서 허용한 뒤 마이크를 다시 켜십시오.', video: '브라우저가 이 페이지의 카메라 사용을 차단해서 다른 사람이 나를 볼 수 없습니다. 주소 표시줄에서 허용한 뒤 카메라를 다시 켜십시오.' },
    missing: { audio: '마이크를 찾지 못했습니다. 듣고 채팅할 수는 있습니다.', video: '카메라를 찾지 못했습니다. 다른 사람에게는 이름이 보입니다.' },
    busy: { audio: '다른 프로그램이 마이크를 사용하고 있습니다. 그 프로그램을 닫은 뒤 마이크를 다시 켜십시오.', video: '다른 프로그램이 카메라를 사용하고 있습니다. 그 프로그램을 닫은 뒤 카메라를 다시 켜십시오.' },
    kept: { audio: '선택한 마이크를 사용할 수 없습니다. 이전 마이크를 계속 사용합니다.', video: '선택한 카메라를 사용할 수 없습니다. 이전 카메라를 계속 사용합니다.' },
    unplugged: { audio: '마이크의 연결이 끊어졌습니다. 다시 연결하면 바로 사용합니다.', video: '카메라의 연결이 끊어졌습니다. 다시 연결하면 바로 사용합니다.' },
    joined: name => `${name}님이 들어왔습니다.`, isHere: name => `${name}님이 있습니다.`, left: name => `${name}님이 나갔습니다.`, renamed: (before, name) => `${before}님의 새 이름은 ${name}입니다.`,
    connecting: name => `${name}님과 연결하는 중…`, interrupted: name => `${name}님과의 연결이 일시적으로 끊겼습니다.`,
    unreachable: name => `${name}님과 아직 연결되지 않았습니다. 네트워크가 막고 있을 수 있습니다. 계속 시도합니다.`,
    away: name => `${name}님이 자리를 비웠습니다. 컴퓨터가 절전 중일 수 있습니다. 돌아오면 다시 연결됩니다.`, awayTile: '자리 비움',
    noVideo: name => `${name}님과는 영상을 주고받을 수 없습니다. 두 프로그램 중 하나에 H.264가 없습니다. 소리와 채팅은 됩니다.`,
    serverLost: '서버가 응답하지 않습니다. 통화는 계속되지만, 서버가 복구될 때까지 새로 들어올 수 없습니다.',
    handRaised: '손 듦', raiseHand: '손 들기', lowerHand: '손 내리기', muted: '마이크 꺼짐', delivered: '전달됨', notDelivered: '아직 전달되지 않음', deliveredTo: (n, all) => `${all}명 중 ${n}명에게 전달됨`,
    'room-full': capacity => `방이 가득 찼습니다. 이 방에는 ${capacity}명까지 들어갈 수 있습니다. 누군가 나갈 때까지 기다리거나 다른 방 이름을 사용하십시오.`,
    'server-full': () => '서버가 가득 찼습니다. 나중에 다시 시도하십시오.', 'bad-room': () => '사용할 수 없는 방 이름입니다. 1~64자로 입력하십시오.',
    'bad-name': () => '사용할 수 없는 이름입니다. 1~32자로 입력하십시오.',
    'unsupported-version': () => '이 페이지와 서버의 버전이 다릅니다. 페이지를 새로 고치십시오.',
    'bad-proof': () => '서버가 이 페이지의 서명을 받아들이지 않았습니다. 페이지를 새로 고치십시오.',
    replaced: () => '이 페이지의 복사본이 방에서 내 자리를 대신했습니다. 연결된 사람과는 통화가 계속되지만, 새로 들어온 사람과는 연결되지 않습니다. 돌아가려면 나갔다가 다시 들어가십시오.',
    'no-server': () => '서버가 응답하지 않습니다. 네트워크를 확인한 뒤 다시 시도하십시오.',
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
