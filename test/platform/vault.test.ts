import { describe, expect, test } from '@jest/globals';
import { randomIds } from '../../src/platform/ids.ts';
import { constantTimeEqual, createVault } from '../../src/platform/vault.ts';

const [oldKey, newKey] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)];
const vaultOf = (masterKey: Buffer, previousMasterKey?: Buffer) => createVault({ masterKey, previousMasterKey, ids: randomIds });

describe('the vault', () => {
  test('opens what it sealed, for the same purpose and place only', () => {
    const vault = vaultOf(oldKey);
    const sealed = vault.seal('keys', 'a secret', 'row-1');
    expect(vault.open('keys', sealed, 'row-1').toString()).toBe('a secret');
    expect(sealed.toString('latin1')).not.toContain('a secret');
    expect(() => vault.open('keys', sealed, 'row-2')).toThrow();
    expect(() => vault.open('other', sealed, 'row-1')).toThrow();
    expect(() => vaultOf(newKey).open('keys', sealed, 'row-1')).toThrow();
  });

  test('notices a changed byte', () => {
    const vault = vaultOf(oldKey);
    const sealed = vault.seal('keys', 'a secret', 'row-1');
    for (const at of [0, 12, sealed.length - 1]) {
      const changed = Buffer.from(sealed);
      changed.writeUInt8(changed.readUInt8(at) ^ 1, at);
      expect(() => vault.open('keys', changed, 'row-1')).toThrow();
    }
  });

  test('seals the same text differently each time, but fingerprints it alike', () => {
    const vault = vaultOf(oldKey);
    expect(vault.seal('keys', 'x', 'r').equals(vault.seal('keys', 'x', 'r'))).toBe(false);
    expect(vault.fingerprint('secrets', 'x').equals(vaultOf(oldKey).fingerprint('secrets', 'x'))).toBe(true);
    expect(vault.fingerprint('secrets', 'x').equals(vault.fingerprint('others', 'x'))).toBe(false);
    expect(vault.fingerprint('secrets', 'x').equals(vaultOf(newKey).fingerprint('secrets', 'x'))).toBe(false);
  });

  test('during a rotation still opens what the previous key sealed', () => {
    const sealed = vaultOf(oldKey).seal('keys', 'a secret', 'row-1');
    const rotated = vaultOf(newKey, oldKey);
    expect(rotated.open('keys', sealed, 'row-1').toString()).toBe('a secret');
    expect(rotated.previousFingerprint('secrets', 'x')).toEqual(vaultOf(oldKey).fingerprint('secrets', 'x'));
    expect(rotated.previousKeyCheck).toEqual(vaultOf(oldKey).keyCheck);
  });

  test('gives every purpose a key of its own', () => {
    const vault = vaultOf(oldKey);
    const children = ['cookies', 'csrf', 'dpop-nonces'].map((purpose) => vault.derive(purpose).toString('hex'));
    expect(new Set([...children, oldKey.toString('hex')]).size).toBe(4);
  });
});

describe('comparing secrets', () => {
  test('tells equal from different, whatever the length', () => {
    expect(constantTimeEqual('abc', 'abc')).toBe(true);
    expect(constantTimeEqual('abc', 'abd')).toBe(false);
    expect(constantTimeEqual('abc', 'abcd')).toBe(false);
    expect(constantTimeEqual(Buffer.from('abc'), 'abc')).toBe(true);
  });
});
