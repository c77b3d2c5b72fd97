package main

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"strconv"
	"sync"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

const (
	maxFrame      = 16384
	outputAtOnce  = 64 << 10
	receiveWindow = 1 << 30
)

var filler = bytes.Repeat([]byte("x"), maxFrame)

// A response under way.
type stream struct {
	id     uint32
	window int64
	method string
	path   string
	body   []byte // of the request
	answer answer
}

// One HTTP/2 connection. What can be sent is gathered and written in one go, as long as the windows allow: a reader that
// keeps up gets many frames at once.
type connection struct {
	socket        *tls.Conn
	api           *api
	mu            sync.Mutex
	changed       *sync.Cond
	output        bytes.Buffer
	framer        *http2.Framer // writes into output
	fields        bytes.Buffer
	encoder       *hpack.Encoder
	streams       map[uint32]*stream
	sending       []*stream
	window        int64
	initialWindow int64
	closed        bool
}

func serve(socket *tls.Conn, api *api) {
	defer socket.Close()
	reader := bufio.NewReaderSize(socket, outputAtOnce)
	if _, err := reader.Discard(len(http2.ClientPreface)); err != nil {
		return
	}
	c := &connection{socket: socket, api: api, streams: map[uint32]*stream{}, window: 65535, initialWindow: 65535}
	c.changed = sync.NewCond(&c.mu)
	c.framer = http2.NewFramer(&c.output, nil)
	c.encoder = hpack.NewEncoder(&c.fields)
	_ = c.framer.WriteSettings(http2.Setting{ID: http2.SettingMaxConcurrentStreams, Val: 1000},
		http2.Setting{ID: http2.SettingInitialWindowSize, Val: receiveWindow})
	_ = c.framer.WriteWindowUpdate(0, receiveWindow)
	go c.write()
	frames := http2.NewFramer(nil, reader)
	frames.SetReuseFrames()
	frames.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	for {
		frame, err := frames.ReadFrame()
		c.mu.Lock()
		if err != nil {
			c.closed = true
		} else {
			c.on(frame)
		}
		// The writer is woken when everything that has come has been looked at.
		if err != nil || reader.Buffered() == 0 {
			c.changed.Signal()
		}
		c.mu.Unlock()
		if err != nil {
			return
		}
	}
}

func (c *connection) on(frame http2.Frame) {
	switch frame := frame.(type) {
	case *http2.MetaHeadersFrame:
		s := &stream{id: frame.StreamID, window: c.initialWindow}
		s.method, s.path = frame.PseudoValue("method"), frame.PseudoValue("path")
		c.streams[s.id] = s
		if frame.StreamEnded() {
			c.respond(s)
		}
	case *http2.DataFrame:
		s := c.streams[frame.StreamID]
		if n := frame.Length; n > 0 { // else the windows would run out after a while
			_ = c.framer.WriteWindowUpdate(0, n)
		}
		if s == nil {
			return
		}
		s.body = append(s.body, frame.Data()...)
		if frame.StreamEnded() {
			c.respond(s)
		}
	case *http2.WindowUpdateFrame:
		if frame.StreamID == 0 {
			c.window += int64(frame.Increment)
		} else if s := c.streams[frame.StreamID]; s != nil {
			s.window += int64(frame.Increment)
		}
	case *http2.SettingsFrame:
		c.onSettings(frame)
	case *http2.PingFrame:
		if !frame.IsAck() {
			_ = c.framer.WritePing(true, frame.Data)
		}
	case *http2.RSTStreamFrame:
		delete(c.streams, frame.StreamID)
	}
}

func (c *connection) onSettings(frame *http2.SettingsFrame) {
	if frame.IsAck() {
		return
	}
	if window, ok := frame.Value(http2.SettingInitialWindowSize); ok {
		for _, s := range c.streams {
			s.window += int64(window) - c.initialWindow
		}
		c.initialWindow = int64(window)
	}
	_ = c.framer.WriteSettingsAck()
}

func (c *connection) respond(s *stream) {
	s.answer = c.api.answer(s.method, s.path, s.body)
	s.body = nil
	c.fields.Reset()
	write := func(name, value string) { _ = c.encoder.WriteField(hpack.HeaderField{Name: name, Value: value}) }
	write(":status", strconv.Itoa(s.answer.status))
	write("content-type", "application/json")
	if s.answer.length == 0 && !s.answer.open {
		write("content-length", strconv.Itoa(len(s.answer.body)))
	}
	_ = c.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: s.id, BlockFragment: c.fields.Bytes(), EndHeaders: true})
	c.sending = append(c.sending, s)
}

// Frames of every stream in turn.
func (c *connection) fill() {
	for progress := true; progress && c.output.Len() < outputAtOnce; {
		progress = false
		kept := c.sending[:0]
		for _, s := range c.sending {
			if c.streams[s.id] != s {
				continue // reset
			}
			sent, ended := c.send(s)
			progress = progress || sent
			if ended {
				delete(c.streams, s.id)
			} else if !s.answer.open {
				kept = append(kept, s)
			}
		}
		clear(c.sending[len(kept):])
		c.sending = kept
	}
}

func (c *connection) send(s *stream) (sent, ended bool) {
	a := &s.answer
	if a.open {
		return false, false
	}
	data := a.body
	if len(data) == 0 {
		data = filler[:min(int64(a.frame), a.length)]
	}
	data = data[:max(0, min(int64(len(data)), s.window, c.window, maxFrame))]
	if len(data) == 0 {
		return false, false
	}
	s.window -= int64(len(data))
	c.window -= int64(len(data))
	if len(a.body) > 0 {
		a.body = a.body[len(data):]
	} else {
		a.length -= int64(len(data))
	}
	ended = len(a.body) == 0 && a.length == 0
	_ = c.framer.WriteData(s.id, ended, data)
	return true, ended
}

func (c *connection) write() {
	var taken bytes.Buffer
	for {
		c.mu.Lock()
		for c.fill(); c.output.Len() == 0 && !c.closed; c.fill() {
			c.changed.Wait()
		}
		if c.closed {
			c.mu.Unlock()
			return
		}
		taken.Reset()
		_, _ = c.output.WriteTo(&taken)
		c.mu.Unlock()
		if _, err := c.socket.Write(taken.Bytes()); err != nil {
			return
		}
	}
}
