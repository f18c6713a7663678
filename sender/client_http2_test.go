package sender_test

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/hookgate/hookgate/sender"
)

// frames is the server's side of an HTTP/2 connection.
type frames struct {
	*http2.Framer
	conn net.Conn
	stop <-chan struct{}
}

// request reads frames until a request is complete, and returns its stream.
func (f *frames) request() uint32 {
	for {
		frame, err := f.ReadFrame()
		if err != nil {
			return 0
		}
		switch frame := frame.(type) {
		case *http2.SettingsFrame:
			if !frame.IsAck() {
				f.WriteSettingsAck()
			}
		case *http2.HeadersFrame:
			if frame.StreamEnded() {
				return frame.StreamID
			}
		case *http2.DataFrame:
			if frame.StreamEnded() {
				return frame.StreamID
			}
		}
	}
}

// head writes the headers of a response.
func (f *frames) head(stream uint32, status int, end bool) {
	var b bytes.Buffer
	hpack.NewEncoder(&b).WriteField(hpack.HeaderField{Name: ":status", Value: strconv.Itoa(status)})
	f.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: b.Bytes(), EndHeaders: true, EndStream: end})
}

// discard reads what comes, and acks what has to be.
func (f *frames) discard() {
	for {
		if _, err := f.ReadFrame(); err != nil {
			return
		}
	}
}

// forever does something until it fails.
func forever(do func() error) {
	for do() == nil {
	}
}

var framedBeasts = []struct {
	name   string
	serve  func(*frames)
	class  sender.Class
	status int
}{
	{"good", func(f *frames) {
		f.WriteSettings()
		stream := f.request()
		f.head(stream, 200, false)
		f.WriteData(stream, true, []byte("ok"))
		f.discard()
	}, "", 200},
	{"says nothing", func(f *frames) { f.discard() }, sender.ClassTimeout, 0},
	{"reads nothing", func(f *frames) {
		f.WriteSettings()
		<-f.stop
	}, sender.ClassTimeout, 0},
	{"settings and nothing else", func(f *frames) {
		f.WriteSettings()
		f.discard()
	}, sender.ClassTimeout, 0},
	{"GOAWAY at once", func(f *frames) {
		f.WriteSettings()
		f.WriteGoAway(0, http2.ErrCodeNo, nil)
		f.discard()
	}, "any", 0},
	{"GOAWAY for the request", func(f *frames) {
		f.WriteSettings()
		f.request()
		f.WriteGoAway(0, http2.ErrCodeNo, nil)
	}, "any", 0},
	{"GOAWAY with an error", func(f *frames) {
		f.WriteSettings()
		f.WriteGoAway(f.request(), http2.ErrCodeEnhanceYourCalm, []byte("calm"))
	}, sender.ClassReset, 0},
	{"GOAWAY, and then nothing", func(f *frames) {
		f.WriteSettings()
		f.WriteGoAway(f.request(), http2.ErrCodeNo, nil)
		f.discard()
	}, sender.ClassTimeout, 0},
	{"GOAWAY in the body", func(f *frames) {
		f.WriteSettings()
		stream := f.request()
		f.head(stream, 200, false)
		f.WriteGoAway(stream, http2.ErrCodeNo, nil)
	}, sender.ClassReset, 200},
	{"a flood of SETTINGS", func(f *frames) {
		go f.discard()
		forever(func() error { return f.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1 << 16}) })
	}, "any", 0},
	{"a flood of SETTINGS that nobody reads the answers of", func(f *frames) {
		forever(func() error { return f.WriteSettings() })
	}, "any", 0},
	{"a flood of PING", func(f *frames) {
		f.WriteSettings()
		go f.discard()
		forever(func() error { return f.WritePing(false, [8]byte{1}) })
	}, sender.ClassTimeout, 0},
	{"a flood of PING that nobody reads the answers of", func(f *frames) {
		f.WriteSettings()
		forever(func() error { return f.WritePing(false, [8]byte{1}) })
	}, sender.ClassTimeout, 0},
	{"frames of no size", func(f *frames) {
		f.AllowIllegalWrites = true
		f.WriteSettings(http2.Setting{ID: http2.SettingMaxFrameSize, Val: 0})
		f.discard()
	}, "any", 0},
	{"frames of no size later", func(f *frames) {
		f.AllowIllegalWrites = true
		f.WriteSettings()
		f.request()
		f.WriteSettings(http2.Setting{ID: http2.SettingMaxFrameSize, Val: 0})
		f.discard()
	}, "any", 0},
	{"no window", func(f *frames) {
		f.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0})
		f.discard()
	}, sender.ClassTimeout, 0},
	{"a window that is too large", func(f *frames) {
		f.WriteSettings()
		f.WriteWindowUpdate(0, 1<<31-1)
		f.discard()
	}, "any", 0},
	{"no streams", func(f *frames) {
		f.WriteSettings(http2.Setting{ID: http2.SettingMaxConcurrentStreams, Val: 0})
		f.discard()
	}, sender.ClassTimeout, 0},
	{"refuses each stream", func(f *frames) {
		f.WriteSettings()
		for stream := f.request(); stream != 0; stream = f.request() {
			f.WriteRSTStream(stream, http2.ErrCodeRefusedStream)
		}
	}, sender.ClassTimeout, 0},
	{"resets the stream", func(f *frames) {
		f.WriteSettings()
		f.WriteRSTStream(f.request(), http2.ErrCodeInternal)
		f.discard()
	}, sender.ClassReset, 0},
	{"resets the stream in the body", func(f *frames) {
		f.WriteSettings()
		stream := f.request()
		f.head(stream, 200, false)
		f.WriteRSTStream(stream, http2.ErrCodeCancel)
		f.discard()
	}, sender.ClassReset, 200},
	{"1xx without end", func(f *frames) {
		f.WriteSettings()
		stream := f.request()
		go f.discard()
		forever(func() error { f.head(stream, 103, false); return f.WritePing(true, [8]byte{}) })
	}, "any", 0},
	{"CONTINUATION without end", func(f *frames) {
		f.WriteSettings()
		stream := f.request()
		f.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: []byte{0x88}})
		go f.discard()
		forever(func() error { return f.WriteContinuation(stream, false, bytes.Repeat([]byte("\x00\x01a\x01b"), 1000)) })
	}, "any", 0},
	{"large headers", func(f *frames) {
		f.WriteSettings()
		stream := f.request()
		var b bytes.Buffer
		e := hpack.NewEncoder(&b)
		e.WriteField(hpack.HeaderField{Name: ":status", Value: "200"})
		for i := range 100 {
			e.WriteField(hpack.HeaderField{Name: fmt.Sprintf("x-%d", i), Value: strings.Repeat("a", 1000)})
		}
		for first, rest := true, b.Bytes(); len(rest) > 0; first = false {
			n := min(len(rest), 16000)
			if first {
				f.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: rest[:n], EndHeaders: n == len(rest)})
			} else {
				f.WriteContinuation(stream, n == len(rest), rest[:n])
			}
			rest = rest[n:]
		}
		f.discard()
	}, sender.ClassProtocol, 0},
	{"a small block that is large headers", func(f *frames) {
		f.WriteSettings()
		stream := f.request()
		var b bytes.Buffer
		e := hpack.NewEncoder(&b)
		e.WriteField(hpack.HeaderField{Name: ":status", Value: "200"})
		for range 5000 {
			e.WriteField(hpack.HeaderField{Name: "x-bomb", Value: strings.Repeat("a", 3000)})
		}
		f.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: b.Bytes(), EndHeaders: true})
		f.discard()
	}, sender.ClassTooLong, 0},
	{"a body without end", func(f *frames) {
		f.WriteSettings()
		stream := f.request()
		f.head(stream, 200, false)
		go f.discard()
		sent := 0
		forever(func() error {
			// As much as the windows that were announced could let through, and more.
			if sent += 16 << 10; sent > 1<<20 {
				<-f.stop
				return io.EOF
			}
			return f.WriteData(stream, false, make([]byte, 16<<10))
		})
	}, "any", 200},
	{"an empty body without end", func(f *frames) {
		f.WriteSettings()
		stream := f.request()
		f.head(stream, 200, false)
		go f.discard()
		forever(func() error { return f.WriteData(stream, false, nil) })
	}, sender.ClassTimeout, 200},
	{"a body before its headers", func(f *frames) {
		f.WriteSettings()
		f.WriteData(f.request(), true, []byte("a"))
		f.discard()
	}, sender.ClassProtocol, 0},
	{"a push", func(f *frames) {
		f.WriteSettings()
		f.WritePushPromise(http2.PushPromiseParam{StreamID: f.request(), PromiseID: 2, BlockFragment: []byte{0x82}, EndHeaders: true})
		f.discard()
	}, sender.ClassProtocol, 0},
	{"garbage", func(f *frames) {
		f.conn.Write(bytes.Repeat([]byte{0xff}, 1000))
		f.discard()
	}, "any", 0},
	{"HTTP/1.1", func(f *frames) {
		io.WriteString(f.conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
		f.discard()
	}, "any", 0},
}

// TestHostileHTTP2: a peer of HTTP/2 cannot keep a worker either, however it plays with
// frames; with those of CVE-2026-33814. (U-15, E-G4)
func TestHostileHTTP2(t *testing.T) {
	a := newAuthority(t)
	config := &tls.Config{Certificates: []tls.Certificate{a.issue(t, false, nil)}, NextProtos: []string{"h2"}, MinVersion: tls.VersionTLS12}
	var beasts []beast
	for _, b := range framedBeasts {
		beasts = append(beasts, beast{b.name, func(conn net.Conn, stop <-chan struct{}) {
			secure := tls.Server(conn, config)
			defer secure.Close()
			preface := make([]byte, len(http2.ClientPreface))
			if _, err := io.ReadFull(secure, preface); err == nil {
				b.serve(&frames{http2.NewFramer(secure, secure), secure, stop})
			}
		}, b.class, b.status, ""})
	}
	zoo(t, sender.ClientOptions{Guard: newGuard(t, "127.0.0.1/32"), RootCAs: a.pool}, beasts, func(b beast) (func(net.Conn, <-chan struct{}), string) {
		return b.serve, "https://127.0.0.1:PORT/"
	})
}
