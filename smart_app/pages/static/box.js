// The box on this device: sealed entries in IndexedDB, in order. Only a number and a time can be read without the key.
const LONGEST = 72 * 3600 * 1000; // as long as the server keeps a key

const asked = request => new Promise((done, failed) => {
  request.onsuccess = () => done(request.result);
  request.onerror = () => failed(request.error);
});
let box = null;
function opened() {
  box ??= new Promise((done, failed) => {
    const request = indexedDB.open('waiting', 1);
    request.onupgradeneeded = () => request.result.createObjectStore('entries', { keyPath: 'n', autoIncrement: true });
    request.onsuccess = () => done(request.result);
    request.onerror = () => failed(request.error);
  });
  return box;
}
async function within(mode, act) {
  const change = (await opened()).transaction('entries', mode, { durability: 'strict' });
  const finished = new Promise((done, failed) => { change.oncomplete = done; change.onabort = () => failed(change.error); });
  const result = await asked(act(change.objectStore('entries')));
  await finished;
  return result;
}
export const put = record => within('readwrite', entries => entries.put(record));
export const drop = n => within('readwrite', entries => entries.delete(n));
export const everything = () => within('readonly', entries => entries.getAll());
// What nobody can open any more goes; how many there were.
export async function forgetOld() {
  const old = (await everything()).filter(each => Date.now() - each.at > LONGEST);
  for (const each of old) await drop(each.n);
  return old.length;
}
// null: this browser keeps nothing here.
export async function counted() {
  try { return await within('readonly', entries => entries.count()); } catch { return null; }
}
