package main

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"sync"
)

const leases = "/apis/coordination.k8s.io/v1/namespaces/"

// What is sent back: the body, and after it `length` bytes in frames of `frame` bytes. A response that is open has no end.
type answer struct {
	status int
	body   []byte
	length int64
	frame  int
	open   bool
}

type api struct {
	ring   string
	object []byte
	mu     sync.Mutex
	leases map[string]map[string]any
	writes int
}

func newAPI(ring string) *api {
	object := fmt.Sprintf(`{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"object","namespace":"default","uid":`+
		`"0df28fbd-5f5f-11e8-bc74-36e6bb280816","resourceVersion":"12345"},"data":{"key":%q}}`, strings.Repeat("x", 1340))
	return &api{ring: ring, object: []byte(object), leases: map[string]map[string]any{}}
}

func (a *api) answer(method, target string, body []byte) answer {
	path, rawQuery, _ := strings.Cut(target, "?")
	query, _ := url.ParseQuery(rawQuery)
	switch {
	case strings.HasPrefix(path, leases):
		return a.lease(method, strings.TrimPrefix(path, leases), body, query)
	case method != "GET":
		return answer{status: 200, body: a.object}
	case query.Get("watch") != "":
		return watch(query)
	case strings.HasSuffix(path, "/controllerrings"):
		return answer{status: 200, body: a.rings()}
	case path == "/api/v1":
		return answer{status: 200, body: []byte(resources)}
	case strings.Count(path, "/") < 4: // discovery of what is not there
		return answer{status: 404, body: []byte(status(404, "NotFound"))}
	case query.Get("bytes") != "":
		length, _ := strconv.ParseInt(query.Get("bytes"), 10, 64)
		return answer{status: 200, length: length, frame: maxFrame}
	case strings.HasSuffix(path, "s"):
		return answer{status: 200, body: []byte(`{"kind":"List","apiVersion":"v1","metadata":{"resourceVersion":"1"},"items":[]}`)}
	}
	return answer{status: 200, body: a.object}
}

func watch(query url.Values) answer {
	events, _ := strconv.ParseInt(query.Get("events"), 10, 64)
	size, _ := strconv.Atoi(query.Get("size"))
	if size <= 0 || size > maxFrame {
		size = 1024
	}
	return answer{status: 200, length: events * int64(size), frame: size, open: events == 0}
}

const resources = `{"kind":"APIResourceList","apiVersion":"v1","groupVersion":"v1","resources":[{"name":"configmaps",` +
	`"singularName":"configmap","namespaced":true,"kind":"ConfigMap","verbs":["get","list","watch","patch","update"]}]}`

func (a *api) rings() []byte {
	return fmt.Appendf(nil, `{"kind":"ControllerRingList","apiVersion":"sharding.timebertt.dev/v1alpha1","metadata":{`+
		`"resourceVersion":"1"},"items":[{"apiVersion":"sharding.timebertt.dev/v1alpha1","kind":"ControllerRing","metadata":{`+
		`"name":%q,"uid":"1","resourceVersion":"1"},"spec":{"resources":[{"group":"","resource":"configmaps"}]}}]}`, a.ring)
}

func status(code int, reason string) string {
	return fmt.Sprintf(`{"kind":"Status","apiVersion":"v1","status":"Failure","reason":%q,"code":%d}`, reason, code)
}

// Leases in JSON, without preconditions.
func (a *api) lease(method, name string, body []byte, query url.Values) answer {
	a.mu.Lock()
	defer a.mu.Unlock()
	if method == "GET" && query.Get("watch") != "" {
		return answer{status: 200, open: true}
	}
	stored := a.leases[name]
	if method == "POST" || method == "PUT" {
		stored = map[string]any{}
		if json.Unmarshal(body, &stored) != nil {
			return answer{status: 415, body: []byte(status(415, "UnsupportedMediaType"))}
		}
		metadata, _ := stored["metadata"].(map[string]any)
		if metadata == nil {
			return answer{status: 422, body: []byte(status(422, "Invalid"))}
		}
		a.writes++
		metadata["resourceVersion"], metadata["uid"] = strconv.Itoa(a.writes), name
		if method == "POST" {
			name += "/" + fmt.Sprint(metadata["name"])
		}
		a.leases[name] = stored
	}
	if stored == nil {
		return answer{status: 404, body: []byte(status(404, "NotFound"))}
	}
	text, _ := json.Marshal(stored)
	return answer{status: 200, body: text}
}
