"""Web applications of Python frameworks that serve a WebSocket at /chat: web_app.py FRAMEWORK PORT ADDRESS."""

import sys

framework, port, address = sys.argv[1], int(sys.argv[2]), sys.argv[3]


def with_fastapi():
    import fastapi
    import uvicorn

    application = fastapi.FastAPI()

    @application.websocket("/chat")
    async def chat(socket: fastapi.WebSocket):
        await socket.accept()
        while True:
            await socket.send_text(await socket.receive_text())

    uvicorn.run(application, host=address, port=port, log_level="warning")


def with_flask_sock():
    import flask
    import flask_sock

    application = flask.Flask("chat")

    @flask_sock.Sock(application).route("/chat")
    def chat(socket):
        while True:
            socket.send(socket.receive())

    application.run(host=address, port=port)


globals()[f"with_{framework}"]()
