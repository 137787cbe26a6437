// Echo servers of three Go libraries that print how each connection ended: echo LIBRARY PORT [ADDRESS].
package main

import (
	"context"
	"fmt"
	"net/http"
	"os"

	"github.com/gorilla/websocket"
	xnet "golang.org/x/net/websocket"
	nhooyr "nhooyr.io/websocket"
)

func ended(err error) { fmt.Printf("ended: %v\n", err) }

func withGorilla(w http.ResponseWriter, r *http.Request) {
	upgrader := websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return true }}
	c, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		ended(err)
		return
	}
	defer c.Close()
	for {
		kind, data, err := c.ReadMessage()
		if err != nil {
			ended(err)
			return
		}
		c.WriteMessage(kind, data)
	}
}

func withNhooyr(w http.ResponseWriter, r *http.Request) {
	c, err := nhooyr.Accept(w, r, &nhooyr.AcceptOptions{InsecureSkipVerify: true, CompressionMode: nhooyr.CompressionDisabled})
	if err != nil {
		ended(err)
		return
	}
	defer c.Close(nhooyr.StatusInternalError, "")
	for {
		kind, data, err := c.Read(context.Background())
		if err != nil {
			ended(err)
			return
		}
		c.Write(context.Background(), kind, data)
	}
}

func withXnet(c *xnet.Conn) {
	for {
		var text string
		if err := xnet.Message.Receive(c, &text); err != nil {
			ended(err)
			return
		}
		xnet.Message.Send(c, text)
	}
}

func main() {
	address := "127.0.0.1"
	if len(os.Args) > 3 {
		address = os.Args[3]
	}
	handlers := map[string]http.Handler{
		"gorilla": http.HandlerFunc(withGorilla),
		"nhooyr":  http.HandlerFunc(withNhooyr),
		"xnet":    xnet.Server{Handler: withXnet},
	}
	fmt.Println(http.ListenAndServe(address+":"+os.Args[2], handlers[os.Args[1]]))
}
