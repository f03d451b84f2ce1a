// A call between two Maru clients and a signal server, all on this machine.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { once } from 'node:events';
import readline from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { latency, pace } from './figures.mjs';
import { cpuSeconds, memoryMb } from './processes.mjs';
import { matchPictures, meanOfStats, Report } from './report.mjs';
import { decodeWav, findGaps } from './wav.mjs';
import { framesOf } from './y4m.mjs';

/** Holds the call and returns its figures, of the side that joins second. `windows`: with windows, on a display in memory. */
export async function measureMaru({ programs, clip, sound, seconds, warmUp, windows, checkFrames }) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'maru-bench-'));
  const running = [];
  try {
    const display = windows ? await startDisplay(running) : null;
    const server = start(running, path.join(programs, 'signal-server'), ['--listen', '127.0.0.1:0']);
    const address = /\d+\.\d+\.\d+\.\d+:\d+/.exec(await firstLine(server))[0];
    const client = name => startClient(running, { name, folder, programs, address, clip, sound, display, checkFrames });

    const first = client('first');
    await first.report.wait('joined', first.isAlive);
    const second = client('second');
    const firstFrame = await second.report.wait('first-frame', second.isAlive);
    await first.report.wait('first-frame', first.isAlive);
    await sleep(warmUp * 1e3);

    const clients = [first.process.pid, second.process.pid];
    const cpu = () => ({ clients: cpuSeconds(clients), server: cpuSeconds([server.pid]) });
    const before = cpu(), from = Date.now();
    await sleep(seconds * 1e3);
    const after = cpu(), to = Date.now(), span = (to - from) / 1e3;
    const memory = memoryMb(clients), serverMemory = memoryMb([server.pid]);
    for (const { process } of [first, second]) await stop(process);

    const events = second.report.events();
    const within = e => e.t_ms >= from && e.t_ms < to;
    const presented = events.filter(e => e.event === 'presented');
    const pictures = matchPictures(first.report.events().filter(e => e.event === 'captured'), presented);
    const played = findGaps(decodeWav(fs.readFileSync(second.wav)));
    return {
      startToJoinedMs: second.report.find('joined').t_ms - second.startedMs,
      joinMs: firstFrame.t_ms - second.report.find('started').t_ms,
      ...pace(presented.map(e => e.t_ms), from, to),
      height: presented.findLast(within)?.height,
      kbps: meanOfStats(events, from, to, 'received_bitrate_bps') / 1e3,
      latencyMs: latency(pictures.filter(p => p.presentedMs >= from && p.presentedMs < to)
        .map(p => p.presentedMs - p.capturedMs)),
      concealedShare: meanOfStats(events, from, to, 'concealed'),
      sound: played,
      cpuCores: (after.clients - before.clients) / span,
      serverCpuCores: (after.server - before.server) / span,
      memoryMb: memory,
      serverMemoryMb: serverMemory,
      ...checkFrames && { frames: compareFrames(path.join(folder, 'second', 'first.y4m'), presented, pictures) },
    };
  } finally {
    for (const process of running.reverse()) await stop(process).catch(() => {});
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

export function startClient(running, { name, folder, programs, address, clip, sound, display, checkFrames }) {
  const home = path.join(folder, name), file = extension => path.join(home, 'report' + extension);
  fs.mkdirSync(home);
  const args = ['bench', '--server', `ws://${address}`, '--name', name, '--camera', `file:${clip}`, '--microphone',
    `file:${sound}`, '--speaker', `file:${file('.wav')}`, '--report', file('.jsonl')];
  if (!display) args.push('--headless');
  if (checkFrames) args.push('--save-remote', home);
  const startedMs = performance.timeOrigin + performance.now();
  const process = start(running, path.join(programs, 'maru'), args, { HOME: home, XDG_CONFIG_HOME: home, DISPLAY: display ?? '' });
  return { process, startedMs, report: new Report(file('.jsonl')), wav: file('.wav'), isAlive: () => process.exitCode === null };
}

/** Checks that the picture of each `presented` event is the one that was captured with that RTP time. */
function compareFrames(file, presented, pictures) {
  const numberAt = new Map(pictures.map(p => [p.presentedMs, p.number]));
  let right = 0, wrong = 0, index = 0;
  for (const number of framesOf(file)) {
    const event = presented[index++];
    if (!event || !numberAt.has(event.t_ms)) continue;
    if (numberAt.get(event.t_ms) === number) right++; else wrong++;
  }
  return { saved: index, presented: presented.length, right, wrong };
}

/** An X server in memory. Returns the name of its display. */
async function startDisplay(running) {
  const xvfb = spawn('Xvfb', ['-displayfd', '3', '-screen', '0', '1600x1000x24', '-nolisten', 'tcp'],
    { stdio: ['ignore', 'ignore', 'ignore', 'pipe'] });
  running.push(xvfb);
  const [number] = await once(xvfb.stdio[3], 'data');
  return ':' + String(number).trim();
}

export function start(running, program, args, env = {}) {
  const child = spawn(program, args, { env: { ...process.env, WAYLAND_DISPLAY: '', ...env }, stdio: ['pipe', 'pipe', 'pipe'] });
  running.push(child);
  child.stderr.pipe(process.stderr);
  child.stdout.resume();
  return child;
}

export async function firstLine(child) {
  for await (const line of readline.createInterface({ input: child.stdout })) return line;
  throw new Error(`${child.spawnfile} ended without a word`);
}

/** Ends it as a person would, and insists that it says goodbye. */
export async function stop(child) {
  if (child.exitCode === null && child.signalCode === null) {
    child.kill('SIGTERM');
    await once(child, 'exit');
  }
  if (child.exitCode !== 0) throw new Error(`${child.spawnfile} ended with ${child.exitCode ?? child.signalCode}`);
}
