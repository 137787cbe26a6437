"""RFB (VNC) over WebSockets: noVNC in Chromium, TigerVNC's server, and between them a bridge of a few lines, as websockify is one."""

import asyncio
import contextlib

import stage

stage.enter()

from aiohttp import web

from python_endpoints import server
from stage import sample

PORT, SCREEN = 9038, 7


async def bridge(connection):
    """Carry bytes between the WebSocket and the VNC server, as they come."""
    reader, writer = await asyncio.open_connection("127.0.0.1", 5900 + SCREEN)

    async def back():
        while data := await reader.read(4096):
            await connection.send(data)
        await connection.close()

    carrying = asyncio.create_task(back())
    async for message in connection:
        writer.write(message)
    writer.close()
    carrying.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await carrying


async def page(done):
    async def report(request):
        done.set_result(await request.json())
        return web.Response()

    application = web.Application()
    application.add_routes([web.get("/page", lambda _: web.FileResponse(stage.HERE / "rfb.html")), web.post("/report", report),
                            web.static("/novnc", "/usr/share/novnc", follow_symlinks=True)])
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 8000).start()
    return runner


@sample("rfb-novnc.pcapng", programs=["TigerVNC=deb:tigervnc-standalone-server", "noVNC=deb:novnc", "Chromium", "websockets"], bpf=f"tcp port {PORT}",
        shows="RFB 3.8: VNC authentication, ServerInit, encodings, updates, keys, pointer, clipboard, fences and continuous updates; a wrong password; "
              "bytes not aligned with messages")
async def novnc(run):
    secret = run.work / "password"
    passwords = await asyncio.create_subprocess_exec("tigervncpasswd", "-f", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE)
    secret.write_bytes((await passwords.communicate(b"sesame47\n"))[0])
    run.spawn("Xtigervnc", f":{SCREEN}", "-geometry", "64x48", "-depth", "24", "-rfbport", str(5900 + SCREEN), "-SecurityTypes", "VncAuth",
              "-PasswordFile", secret, "-desktop", "lab", "-localhost", port=5900 + SCREEN)
    done = asyncio.get_running_loop().create_future()
    runner = await page(done)
    async with server(run, bridge, port=PORT, subprotocols=["binary"], compression=None):
        run.spawn("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
                  "--disable-component-update", f"--user-data-dir={run.work}/profile", f"http://127.0.0.1:8000/page?ws=ws://127.0.0.1:{PORT}/websockify")
        for unit in await asyncio.wait_for(done, 40):
            run.unit(unit["connection"], unit["from"], "rfb", **{"rfb.message": unit["message"]})
    await runner.cleanup()


if __name__ == "__main__":
    stage.main()
