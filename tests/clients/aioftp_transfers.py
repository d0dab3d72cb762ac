"""Files both ways over TLS with aioftp: aioftp_transfers.py HOST PORT CA

It begins the handshake of a data connection before it says what to transfer, sends PBSZ and PROT before USER, and
never resumes a TLS session. Prints nothing and ends with status 0 if every step did what it should.
"""

import asyncio
import pathlib
import ssl
import sys

import aioftp

host, port, ca = sys.argv[1:]


async def main():
    client = aioftp.Client(socket_timeout=30)
    await client.connect(host, int(port))
    await client.upgrade_to_tls(sslcontext=ssl.create_default_context(cafile=ca))
    await client.login("demo", "demo")

    content = bytes(i * i % 251 for i in range(300_000))
    pathlib.Path("up").write_bytes(content)
    for number in range(10):
        await client.upload("up", f"aioftp {number}", write_into=True)
    await client.download("aioftp 9", "down", write_into=True)
    assert pathlib.Path("down").read_bytes() == content

    async with client.download_stream("aioftp 9", offset=123_456) as stream:
        assert await stream.read() == content[123_456:]
    async with client.upload_stream("aioftp 9", offset=300_000) as stream:
        await stream.write(b"more")
    assert (await client.stat("aioftp 9"))["size"] == "300004"

    await client.make_directory("aioftp/inner")
    names = sorted(str(path) for path, _ in await client.list())
    assert "aioftp" in names and "aioftp 0" in names, names
    await client.rename("aioftp 0", "aioftp/inner/moved")
    await client.remove("aioftp")
    assert not await client.exists("aioftp")
    await client.quit()


asyncio.run(main())
