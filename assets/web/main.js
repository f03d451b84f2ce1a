// The page: the start screen, the call screen, and what leads from one to the other.

import { Call } from './call.js';
import { ChatLog } from './chat.js';
import { Media, isAllowed } from './media.js';
import { showPickers } from './pickers.js';
import { texts, translate } from './texts.js';
import { Tiles } from './tiles.js';

const MAX_NAME_CHARACTERS = 32;
const $ = id => document.getElementById(id);
const media = new Media();
const tiles = new Tiles($('tiles'), $('tile'));
const log = new ChatLog($('log'));
/** The path of the page without `r/ROOM`: the WebSocket is there too, also behind a proxy that adds a prefix. */
const [, base, roomInPath] = /^(.*?\/)(?:r\/([^/]*))?$/.exec(location.pathname) ?? [null, '/', ''];
let call = null, unread = 0, serverProblem = '';
/** What the person was told of each device, until it works or is turned off. */
const deviceProblems = { audio: '', video: '' };

translate(document);
$('name').value = localStorage.getItem('maru.name') ?? '';
$('room').value = decode(roomInPath ?? '');
$('insecure').hidden = isAllowed();
const isSupported = 'RTCPeerConnection' in window && RTCRtpReceiver.getCapabilities !== undefined;
$('unsupported').hidden = isSupported;
$('join').disabled = !isSupported;
($('room').value ? $('name') : $('room')).focus();
for (const container of document.querySelectorAll('.pickers')) {
  showPickers(container, $('picker'), media, (kind, id) => kind === 'speaker' ? tiles.setSpeaker(id) : media.choose(kind, id));
}
media.addEventListener('change', ({ detail: { kind } }) => {
  if (media.track(kind) || !media.on[kind]) deviceProblems[kind] = '';
  showOwn();
  showBanner();
});
media.addEventListener('problem', ({ detail: { kind, reason } }) => {
  deviceProblems[kind] = texts[reason][kind];
  if (call) log.notice(deviceProblems[kind]);
  else $('join-error').textContent = deviceProblems[kind];
  showOwn();
  showBanner();
});
showOwn();
media.start();

function showOwn() {
  const track = media.track('video');
  for (const tile of document.querySelectorAll('.tile.own')) {
    const video = tile.querySelector('video');
    if (video.srcObject?.getTracks()[0] !== track) video.srcObject = track && new MediaStream([track]);
    tile.classList.toggle('no-picture', !track);
  }
  for (const button of document.querySelectorAll('[data-toggle]')) {
    const kind = button.dataset.toggle, isOn = Boolean(media.track(kind));
    button.setAttribute('aria-pressed', String(isOn));
    button.textContent = texts[`${kind}${isOn ? 'On' : 'Off'}`];
  }
}

/** Turns a device on or off. One that is on and missing is asked for again. */
function toggle(kind) {
  media.setOn(kind, !media.track(kind));
}

function toggleHand() {
  call.raiseHand(!call.handRaised);
  showHand();
}

function showHand() {
  const isRaised = Boolean(call?.handRaised);
  $('hand-button').setAttribute('aria-pressed', String(isRaised));
  $('hand-button').textContent = isRaised ? `✋ ${texts.lowerHand}` : texts.raiseHand;
}

function showBanner() {
  const troubled = call ? [...call.peers.values()] : [];
  const away = troubled.find(peer => peer.isAway), interrupted = troubled.find(peer => peer.state === 'interrupted' && !peer.isAway);
  const unreachable = troubled.find(peer => peer.state === 'unreachable' && !peer.isAway), unseen = troubled.find(peer => !peer.isVideoShared);
  $('banner').textContent = [
    away && texts.away(away.name), interrupted && texts.interrupted(interrupted.name), unreachable && texts.unreachable(unreachable.name),
    unseen && texts.noVideo(unseen.name), serverProblem,
    deviceProblems.audio, deviceProblems.video,
  ].filter(Boolean).join(' ');
  $('alone').hidden = !call || call.peers.size > 0;
}

function join() {
  const name = $('name').value.trim(), room = $('room').value.trim();
  localStorage.setItem('maru.name', name);
  $('join').disabled = true;
  $('join-error').textContent = texts.joining;
  const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
  const joining = new Call(`${scheme}://${location.host}${base}`, room, name, media);
  const on = (type, handle) => joining.addEventListener(type, ({ detail }) => handle(detail));
  on('joined', () => enter(joining, room, name));
  on('refused', ({ code, capacity }) => { leave(); $('join-error').textContent = texts[code](capacity); });
  on('server', ({ connected }) => { serverProblem = connected ? '' : texts.serverLost; showBanner(); });
  on('shut-out', ({ code }) => {
    serverProblem = texts[code]();
    log.notice(serverProblem);
    showBanner();
  });
  on('peer-joined', ({ peer, wasHere }) => {
    tiles.add(peer);
    log.notice((wasHere ? texts.isHere : texts.joined)(peer.name));
    showBanner();
  });
  on('peer-left', ({ peer }) => { tiles.remove(peer); log.notice(texts.left(peer.name)); showBanner(); });
  on('peer-renamed', ({ peer, before }) => { tiles.update(peer); log.notice(texts.renamed(before, peer.name)); });
  on('chat', ({ peer, text, sentUnixMs }) => {
    log.message(peer, peer.name, text, sentUnixMs);
    if ($('chat').hidden) showUnread(unread + 1);
  });
  on('video-shared', ({ peer }) => {
    tiles.update(peer);
    if (!peer.isVideoShared) log.notice(texts.noVideo(peer.name));
    showBanner();
  });
  on('delivered', ({ peer, id }) => log.delivered(id, peer));
  for (const type of ['track', 'presence', 'state']) on(type, ({ peer }) => { tiles.update(peer); showBanner(); });
  joining.join();
}

function enter(joined, room, name) {
  if (call) return;
  call = joined;
  history.replaceState(null, '', `${base}r/${encodeURIComponent(room)}`);
  document.title = `${room} · Maru`;
  $('call-title').textContent = texts.room_(room);
  $('new-name').value = name;
  $('start').hidden = true;
  $('call').hidden = false;
  $('join-error').textContent = '';
  $('leave').focus();
  showHand();
  showBanner();
}

function leave() {
  call?.leave();
  call = null;
  serverProblem = '';
  tiles.clear();
  log.clear();
  showUnread(0);
  $('join').disabled = !isSupported;
  $('start').hidden = false;
  $('call').hidden = true;
  document.title = 'Maru';
  $('join').focus();
}

function showUnread(count) {
  unread = count;
  $('unread').textContent = count ? `(${count})` : '';
}

function togglePanel(id) {
  const open = $(id).hidden;
  for (const panel of ['chat', 'devices']) {
    $(panel).hidden = !(open && panel === id);
    $(`${panel}-button`).setAttribute('aria-expanded', String(open && panel === id));
  }
  if (!open) return $(`${id}-button`).focus();
  if (id === 'chat') showUnread(0);
  (id === 'chat' ? $('chat-text') : $(id).querySelector('select, input')).focus();
}

function decode(text) {
  try { return decodeURIComponent(text); } catch { return text; }
}

$('join-form').addEventListener('submit', event => { event.preventDefault(); join(); });
$('leave').addEventListener('click', leave);
$('hand-button').addEventListener('click', toggleHand);
$('chat-button').addEventListener('click', () => togglePanel('chat'));
$('devices-button').addEventListener('click', () => togglePanel('devices'));
$('new-name').addEventListener('change', () => {
  // The server refuses a longer name.
  const name = [...$('new-name').value.trim()].slice(0, MAX_NAME_CHARACTERS).join('').trim();
  if (!name || !call) return;
  $('new-name').value = name;
  localStorage.setItem('maru.name', name);
  call.rename(name);
});
$('chat-form').addEventListener('submit', event => {
  event.preventDefault();
  const text = $('chat-text').value.trim();
  if (!text || !call) return;
  log.own(call.chat(text), [...call.peers.values()]);
  $('chat-text').value = '';
});
for (const button of document.querySelectorAll('[data-toggle]')) {
  button.addEventListener('click', () => toggle(button.dataset.toggle));
}
document.addEventListener('keydown', event => {
  if (!call || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === 'Escape') {
    for (const panel of ['chat', 'devices']) if (!$(panel).hidden) togglePanel(panel);
    return;
  }
  if (event.target.matches('input, select, textarea')) return;
  // By position (`code`): with a Korean layout the letter is another one.
  const action = {
    KeyM: () => toggle('audio'), KeyV: () => toggle('video'),
    KeyR: toggleHand, KeyC: () => togglePanel('chat'), KeyD: () => togglePanel('devices'),
  }[event.code];
  if (action) {
    event.preventDefault();
    action();
  }
});
window.addEventListener('pagehide', () => call?.leave());
