"""--key-file of region-export and region-dump: one block that was encrypted elsewhere."""

import array
import base64
import fcntl
import os
import resource
import signal
import subprocess
import termios
import time

from harness import DONE, FAILED, FINDINGS, USAGE, ToolTest

KEY = bytes(range(32))
PLAIN = bytes((i * 7 + 3) % 251 for i in range(512))
# AES-256-GCM-SIV of PLAIN under KEY, and the hashes of a context.
NONCE = bytes.fromhex('a0a1a2a3a4a5a6a7a8a9aaab')
TAG = bytes.fromhex('8a1f9bb63d9f4fd45e2d8e23142d3d72')
HASH = 0xacf43a92ed0b6981
ON_DISK_HASH = 0x39827b3324e128bc
CIPHERTEXT = bytes.fromhex(
    'bbda99a71253ed708ee6ffade339570d1e27ef905ebaf954eb4dcff9bee1d0359b6788b17a1f85effbed67dc'
    '55187c8529c1e31ee2bf8276bebcd1708e328d3d65a846d957f793fce07e965b0041c2104c4007188076e987'
    '76552d4c7857e73322751a5f7f2d22e907589e8c30bf09e12246bb4a62eb8a4d68976e5ef40fbd29a4dffaa1'
    'e5721f7799d25432dec6c54d75d1b91809b512fc58e9e59964c9bf5fdba0f6b2bbe0c4bf8e44937ce7c4bad1'
    '230436f3f2f827ddd41e7f4eda133ccf47b0aeb5b44e727d3dd2dcd7376aebb1bbfec9634f855dd386fdfac1'
    'bf9e9d9b36524f8ad090ddf112a009b049d3a833774ef7075fafcad71dde35b6c3e1c36fe36e31a5f0a8c1fa'
    'aa227c95f04b6ef8ab7d64d93788f7b18946f4a1b734e53e82aa4755ebb26e23c9a8773f5dd06661141c8c2e'
    '7a7e273b0c6ef71bdd455a3bf079c8ea9593e6f5ede14638cbef232601b5d1b4161997145a2f06daf11ae118'
    'd3034a746da7c263fdc610af8b3c1a05029907411e4a5fb8ad3745205a5bc1c610509eb25e14bf026feebbc6'
    'd425b3bd1f77578dd3cc8d229a1b80a31ecef0d204703b6d3714bb1e17be57f2d5917c005b2f74f56a7a691c'
    'c01c4fc44626875299a5e938edc182886ba8e5ec3cc38b2ad2cb2737869a0ca58650359065639ef5e48744d8'
    '626cf2a9cf70385a78f9623a67cc1278bcf36f5c828f142196a2bcbe')

SIZE = 8  # blocks of an extent
BLOCK = 5
SLOT_B = (b'\x01' + HASH.to_bytes(8, 'little') + b'\x01' + NONCE + TAG +
          ON_DISK_HASH.to_bytes(8, 'little') + bytes(2))


class DecryptTest(ToolTest):
    def setUp(self):
        super().setUp()
        self.region = self.work / 'region'
        self.expect(DONE, 'region-create', self.region, '--encrypted', '--block-size', 512,
                    '--extent-size', SIZE, '--extent-count', 2)
        with open(self.region / '00/000/000', 'r+b') as file:
            file.seek(BLOCK * 512)
            file.write(CIPHERTEXT)
            file.seek(SIZE * (512 + 48) + BLOCK * 48)
            file.write(SLOT_B)
            file.seek(SIZE * (512 + 96))
            file.write(bytes([1 << BLOCK]))
        self.key = self.key_file(KEY)
        probe = self.run_tool('region-dump', '--slots', '--key-file', self.key, self.region)
        if 'without libgcrypt' in probe.err:
            self.skipTest('the tools were built without libgcrypt')

    def key_file(self, content, mode=0o600):
        path = self.work / 'key'
        path.write_bytes(content)
        path.chmod(mode)
        return path

    def image(self, *arguments, code=DONE):
        result = self.expect(code, 'region-export', self.region, '-o', 'image', '-f', *arguments)
        path = self.work / 'image'
        return (path.read_bytes() if path.exists() else None), result

    def test_the_image_is_plain_with_the_key_and_encrypted_without(self):
        encrypted, _ = self.image()
        self.assertEqual(CIPHERTEXT, encrypted[BLOCK * 512:][:512])
        expected = encrypted.replace(CIPHERTEXT, PLAIN)
        self.assertEqual(2 * SIZE * 512, len(expected))
        for content in (KEY, KEY.hex().encode(), KEY.hex().upper().encode() + b'\n',
                        base64.b64encode(KEY)):
            plain, _ = self.image('--key-file', self.key_file(content))
            self.assertEqual(expected, plain)
        plain, _ = self.image('--key-file', self.key, '--no-check')
        self.assertEqual(expected, plain)
        plain, _ = self.image('--key-file', self.key, '--skip', '5', '--count', '1')
        self.assertEqual(PLAIN, plain)

    def test_the_key_comes_from_standard_input_too(self):
        result = self.expect(DONE, 'region-export', self.region, '--key-file', '-',
                             stdin=KEY.hex().encode())
        self.assertIn(PLAIN, result.stdout)

    def dumps_core(self, tool, *arguments, is_ready):
        """Whether it leaves a core dump when it crashes while it waits for standard input."""
        def allow():
            hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
            resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
        process = self.start(tool, *arguments, stdin=subprocess.PIPE, preexec_fn=allow)
        process.stdin.write(KEY)
        process.stdin.flush()
        deadline = time.monotonic() + 20
        while not is_ready(process) and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(signal.SIGSEGV)
        _, status = os.waitpid(process.pid, 0)
        process.returncode = status
        for stream in (process.stdin, process.stdout, process.stderr):
            stream.close()
        return os.WCOREDUMP(status)

    def test_a_crash_leaves_no_core_dump_with_the_key(self):
        # A sanitizer that is just being set up must not be crashed: it would hang.
        def has_read_all(process):
            unread = array.array('i', [0])
            fcntl.ioctl(process.stdin, termios.FIONREAD, unread)
            return unread[0] == 0

        def has_no_core_limit(process):
            with open(f'/proc/{process.pid}/limits', encoding='ascii') as limits:
                return any(line.split()[:5] == ['Max', 'core', 'file', 'size', '0']
                           for line in limits)
        if not os.path.exists('/proc/self/limits') or not self.dumps_core(
                'region-verify', '--regions-from', '-', is_ready=has_read_all):
            self.skipTest('nothing leaves a core dump here')
        self.assertFalse(self.dumps_core('region-export', self.region, '--key-file', '-',
                                         is_ready=has_no_core_limit))

    def test_a_tag_that_does_not_match_is_a_finding(self):
        wrong = self.key_file(bytes(32))
        (self.work / 'image').unlink(missing_ok=True)
        image, result = self.image('--key-file', wrong, code=FINDINGS)
        self.assertIsNone(image)
        for on_bad, expected in (('keep', CIPHERTEXT), ('zero', bytes(512))):
            image, result = self.image('--key-file', wrong, '--on-bad', on_bad, code=FINDINGS)
            self.assertEqual(expected, image[BLOCK * 512:][:512])
            self.assertIn('block 5: the block does not decrypt: its tag does not match [wrong_tag]',
                          result.err)

    def test_a_dump_says_which_blocks_decrypt(self):
        for key, decrypts, code in ((KEY, True, DONE), (bytes(32), False, FINDINGS)):
            records = self.records('region-dump', '--slots', '--key-file', self.key_file(key),
                                   self.region, code=code)
            self.assertEqual([(BLOCK, decrypts)],
                             [(block['block'], block['decrypts'])
                              for block in records.of_type('block') if 'decrypts' in block])
            self.assertEqual([] if decrypts else ['wrong_tag'],
                             [finding['id'] for finding in records.findings])
        out = self.expect(DONE, 'region-dump', '--slots', '-b', '5', '--key-file',
                          self.key_file(KEY), self.region).out
        self.assertIn(', decrypts', out)

    def test_what_is_no_key_is_refused_and_never_shown(self):
        secret = 'correct horse battery staple'
        for content in (secret.encode(), b'', KEY[1:], KEY.hex()[1:].encode(), bytes(100000)):
            result = self.expect(USAGE, 'region-export', self.region, '--key-file',
                                 self.key_file(content))
            self.assertIn('expected a key', result.err)
            self.assertNotIn('horse', result.err)
        self.expect(FAILED, 'region-export', self.region, '--key-file', self.work / 'none')

    def test_a_key_that_others_can_read_is_refused(self):
        for mode in (0o644, 0o640, 0o602):
            result = self.expect(USAGE, 'region-export', self.region, '--key-file',
                                 self.key_file(KEY, mode))
            self.assertIn('chmod 600', result.err)

    def test_a_key_for_a_region_that_is_not_encrypted_is_a_mistake(self):
        plain = self.make_region('plain')
        for command in (['region-export', plain], ['region-dump', '--slots', plain]):
            result = self.expect(USAGE, *command, '--key-file', self.key)
            self.assertIn('is not encrypted', result.err)
        self.expect(USAGE, 'region-dump', self.region, '--key-file', self.key)

    def test_a_salvage_takes_what_decrypts(self):
        other = self.copy(self.region, 'other')
        result = self.expect(DONE, 'region-export', '--salvage', self.region, other, '-o', 'image',
                             '--key-file', self.key)
        self.assertIn('1 block proven', result.err)
        self.assertEqual(PLAIN, (self.work / 'image').read_bytes()[BLOCK * 512:][:512])
        result = self.expect(FINDINGS, 'region-export', '--salvage', self.region, other, '-o',
                             'image', '-f', '--key-file', self.key_file(bytes(32)))
        self.assertIn('no_proven_copy', result.err)
