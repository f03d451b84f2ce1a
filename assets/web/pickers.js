// The menus of cameras, microphones and speakers.

import { texts } from './texts.js';

const KINDS = [
  { kind: 'video', list: 'videoinput', title: 'camera' },
  { kind: 'audio', list: 'audioinput', title: 'microphone' },
  { kind: 'speaker', list: 'audiooutput', title: 'speaker' },
];
const canChooseSpeaker = 'setSinkId' in HTMLMediaElement.prototype;

/** Fills `container` with menus of the devices that `media` lists. A choice calls `chosen(kind, deviceId)`. */
export function showPickers(container, template, media, chosen) {
  const selects = KINDS.filter(({ kind }) => kind !== 'speaker' || canChooseSpeaker).map(({ kind, list, title }) => {
    const picker = template.content.firstElementChild.cloneNode(true);
    picker.querySelector('.title').textContent = texts[title];
    const select = picker.querySelector('select');
    select.dataset.kind = kind;
    select.addEventListener('change', () => chosen(kind, select.value));
    container.append(picker);
    return { kind, list, picker, select };
  });
  const update = () => selects.forEach(({ kind, list, picker, select }) => {
    // Without permission, browsers list devices without names and ids.
    const devices = media.devices.filter(device => device.kind === list && device.deviceId);
    const current = kind === 'speaker' ? select.value : media.deviceId(kind);
    select.replaceChildren(...devices.map((device, i) => new Option(device.label || texts.device(i + 1), device.deviceId)));
    if (devices.some(device => device.deviceId === current)) select.value = current;
    picker.hidden = devices.length === 0;
  });
  media.addEventListener('devices', update);
  media.addEventListener('change', update);
  // A device that cannot be opened is not shown as chosen.
  media.addEventListener('problem', update);
}
