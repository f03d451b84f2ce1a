// Programs that a bench starts, and their CPU time and memory from /proc.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import readline from 'node:readline';

const TICKS_PER_SECOND = Number(execFileSync('getconf', ['CLK_TCK']));

/** Starts a program and adds it to `running`. {@link stop} ends it. */
export function start(running, program, args, env = {}) {
  const child = spawn(program, args, { env: { ...process.env, WAYLAND_DISPLAY: '', ...env }, stdio: ['pipe', 'pipe', 'pipe'] });
  running.push(child);
  child.stderr.pipe(process.stderr);
  child.stdout.resume();
  return child;
}

export async function firstLine(child) {
  for await (const line of readline.createInterface({ input: child.stdout })) return line;
  throw new Error(`${child.spawnfile} ended without output`);
}

/** Sends SIGTERM. Throws unless the program exits with status 0: a clean end is a part of the measurement. */
export async function stop(child) {
  if (child.exitCode === null && child.signalCode === null) {
    child.kill('SIGTERM');
    await once(child, 'exit');
  }
  if (child.exitCode !== 0) throw new Error(`${child.spawnfile} exited with ${child.exitCode ?? child.signalCode}`);
}

/** Stops what still runs, the last one first, whatever its status. */
export async function stopAll(running) {
  for (const child of running.reverse()) await stop(child).catch(() => {});
}

export function processTree(pid) {
  const children = new Map();
  for (const { pid, parent } of all()) children.set(parent, [...children.get(parent) ?? [], pid]);
  const subtree = pid => [pid, ...(children.get(pid) ?? []).flatMap(subtree)];
  return subtree(pid);
}

/** CPU time in seconds of those `pids` that still run. */
export function cpuSeconds(pids) {
  return pids.reduce((sum, pid) => sum + (stat(pid)?.ticks ?? 0), 0) / TICKS_PER_SECOND;
}

/** Ticks of all processors since boot: `{ all, idle, steal }`. Steal time is what the hypervisor gave to other virtual machines. */
export function machineTicks() {
  const ticks = /^cpu +(.*)/.exec(fs.readFileSync('/proc/stat', 'utf8'))[1].split(' ').map(Number).slice(0, 8);
  return { all: ticks.reduce((sum, n) => sum + n, 0), idle: ticks[3] + ticks[4], steal: ticks[7] };
}

/** Proportional set size (PSS) in MB: a shared page counts in parts. */
export function memoryMb(pids) {
  const kb = pid => {
    try {
      return Number(/^Pss:\s+(\d+)/m.exec(fs.readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))[1]);
    } catch { return 0; } // It has ended.
  };
  return pids.reduce((sum, pid) => sum + kb(pid), 0) / 1024;
}

function all() {
  return fs.readdirSync('/proc').filter(name => /^\d+$/.test(name)).map(Number).map(stat).filter(Boolean);
}

function stat(pid) {
  try {
    // The program's name, in parentheses, may contain spaces and parentheses.
    const fields = fs.readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1).split(' ');
    return { pid, parent: Number(fields[1]), ticks: Number(fields[11]) + Number(fields[12]) };
  } catch { return null; } // It has ended.
}
