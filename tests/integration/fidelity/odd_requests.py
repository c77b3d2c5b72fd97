"""Some nine hundred requests that a proxy may read otherwise than the API server does: (method, target)."""

_S = "/api/v1/namespaces/default/secrets"
_T = "/apis/fidelity.example/v1/namespaces/default/things"

# With every method.
_EVERY_METHOD = [
    "/api/v1/secrets", _S, _S + "/theirs", _S + "/theirs/status", _S + "/", _T, _T + "/theirs", _T + "/theirs/scale",
    "/api/v1/watch/secrets", "/api/v1/watch/namespaces/default/secrets/theirs", "/api/v1/proxy/namespaces/default/secrets",
    "/api/v1/namespaces", "/api/v1/namespaces/default", "/api/v1/namespaces/default/status",
    "/api/v1/namespaces/default/finalize", "/api/v1/pods/theirs/eviction",
]
_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "LIST", "get", "Get", "DELETECOLLECTION"]

_PATHS = [
    # Not of objects.
    "/", "/api", "/api/", "/api/v1", "/api/v1/", "/apis", "/apis/apps", "/apis/apps/v1", "/apis/apps/v1/", "/version", "/healthz",
    "/livez/ping", "/readyz/etcd", "/metrics", "/openapi/v2", "/openapi/v3", "/openapi/v3/api/v1", "/.well-known/x", "/secrets",
    "/API/v1/secrets", "/api/V1/secrets", "/Apis/apps/v1/deployments", "/apiss/apps/v1/deployments", "/api/v1/Secrets",
    # Slashes, dots and escapes.
    "//api/v1/secrets", "/api//v1/secrets", "/api/v1//secrets", "/api/v1/secrets/", "/api/v1/secrets//", "///api///v1///secrets",
    "/api/v1/namespaces//secrets", "/api/v1/namespaces/default//secrets", "/api/v1/namespaces/default/secrets//theirs",
    "/./api/v1/secrets", "/api/./v1/secrets", "/api/v1/./secrets", "/api/v1/secrets/.", "/api/v1/secrets/..",
    "/api/v1/x/../secrets", "/api/v1/namespaces/default/../../secrets", "/api/v1/namespaces/../secrets",
    "/api/v1/namespaces/./secrets", _S + "/../configmaps", _S + "/..", _S + "/.", "/../api/v1/secrets", "/x/../api/v1/secrets",
    "/api/v1%2Fsecrets", "/api%2Fv1/secrets", "/%61pi/v1/secrets", "/api/v1/%73ecrets", "/api/v1/secret%73", "/api/v1/secrets%2F",
    "/api/v1/namespaces%2Fdefault%2Fsecrets", "/api/v1/namespaces/default%2Fsecrets", _S + "%2Ftheirs", _S + "%2ftheirs",
    _S + "/%74heirs", _S + "/a%2Fb", _S + "/a%252Fb", _S + "%3Fwatch=true", _S + "%00", _S + "%20", _S + "+", _S + "%23x",
    "/api/v1/%2e/secrets", "/api/v1/%2e%2e/v1/secrets", "%2Fapi/v1/secrets", "/%2Fapi/v1/secrets", "/api/v1/secrets%2F%2F",
    "/api/v1/secrets%252F", "/api/v1/%2Fsecrets", "/api/v1/secrets;x=y", "/api/v1;x/secrets", "/api/v1/secrets,configmaps",
    "/api/v1/secrets%zz", "/api/v1/secrets%", "/api/v1/secrets%2", "/api/v1/secrets#fragment", "/api/v1/s\u00e9crets",
    "/api/v1/secrets%C3%A9", "/api/v1/secrets\\", "/api\\v1\\secrets", "/api/v1/secrets:x", "/api/v1/secrets@x", "/api/v1/*",
    "/api/v1/secrets*", "/api/v1/'secrets'", "/api/v1/\"secrets\"", "/api/v1/secrets|x", "/api/v1/<secrets>",
    # The absolute form, and what looks like it.
    "https://kubernetes/api/v1/secrets", "http://elsewhere/api/v1/secrets?watch=1", "https:///api/v1/secrets",
    "https:/api/v1/secrets", "//kubernetes/api/v1/secrets", "api/v1/secrets", "*",
    # Prefixes of the path that are verbs.
    "/api/v1/watch", "/api/v1/watch/", "/api/v1/watch/secrets",
    "/api/v1/watch/namespaces/default/secrets", "/api/v1/watch//secrets",
    "/api/v1//watch/secrets", "/api/v1/watch/watch/secrets", "/api/v1/%77atch/secrets",
    "/api/v1/watch%2Fsecrets", "/api/v1/WATCH/secrets", "/api/v1/watch/secrets/",
    "/apis/apps/v1/watch/deployments", "/apis/apps/v1/watch/namespaces/default/deployments",
    "/apis/fidelity.example/v1/watch/things",
    "/apis/fidelity.example/v1/watch/namespaces/default/things",
    "/apis/fidelity.example/v1/watch/namespaces/default/things/theirs",
    "/apis/fidelity.example/v1/namespaces/default/watch/things", "/api/v1/watch/namespaces",
    "/api/v1/watch/namespaces/default", "/api/v1/proxy/secrets", "/api/v1/proxy/namespaces/default/pods/x",
    "/api/v1/proxy", "/api/v1/redirect/secrets", "/api/v1/namespaces/watch/secrets", "/api/v1/namespaces/default/watch",
    # Namespaces themselves.
    "/api/v1/namespaces/", "/api/v1/namespaces/default/", "/api/v1/namespaces/default/status/x",
    "/api/v1/namespaces/default/x/y/z",
    "/api/v1/namespaces/status", "/api/v1/namespaces/secrets", "/api/v1/namespaces/namespaces/namespaces",
    "/api/v1/namespaces/default/namespaces", "/api/v1/namespaces/default/finalize/x", "/api/v1/namespaces/finalize/secrets",
    # What does not exist.
    "/apis/nowhere.example/v1/secrets", "/apis/nowhere.example/v1/namespaces/default/secrets/x", "/apis/v1/secrets",
    "/apis//v1/secrets",
    "/api/v2/secrets", "/api/v1beta1/namespaces/default/secrets", "/apis/core/v1/secrets", "/apis/apps/v9/deployments",
    "/apis/fidelity.example/v9/things", "/apis/fidelity.example/v1/others", "/apis/FIDELITY.example/v1/things",
    "/apis/fidelity.example./v1/things", "/apis/fidelity.example/v1/Things", "/apis/fidelity.example/v1/thing",
    # Deep paths.
    _S + "/theirs/a/b/c/d", _T + "/theirs/status", _T + "/theirs/status/x", _T + "/theirs//status", _T + "//theirs",
    _T + "/theirs/", _T + "/", _T + "//", "/apis/fidelity.example/v1//things", "/apis/fidelity.example//v1/things",
    "/apis//fidelity.example/v1/things", "//apis/fidelity.example/v1/things", "/apis/fidelity.example/v1/things/",
    "/apis/fidelity.example%2Fv1/things", "/apis/fidelity.example/v1%2Fthings", "/apis%2Ffidelity.example/v1/things",
    "/apis/fidelity.example/v1/%74hings", "/apis/fidelity.example/v1/things%2F", "/apis/fidelity.example/v1/./things",
    "/apis/fidelity.example/v1/x/../things", "/apis/fidelity.example/v1beta1/namespaces/default/things",
    "/apis/fidelity.example/v1beta1/things", "/apis/fidelity.example/v1/namespaces/default%2Fthings", _T + "%2Ftheirs",
    "/apis/fidelity.example/v1/things/theirs", "/apis/apps/v1/deployments/", "/apis/apps/v1//deployments",
    "/apis/apps/v1/namespaces/default/deployments/theirs/scale", "/api/v1/namespaces/default/pods/theirs/log",
    "/api/v1/componentstatuses", "/apis/metrics.k8s.io/v1beta1/pods",
]

_QUERIES = [
    "", "watch", "watch=", "watch=1", "watch=true", "watch=TRUE", "watch=t", "watch=0", "watch=false", "watch=False", "watch=f",
    "watch=no", "watch=2", "Watch=true", "WATCH=1", "w%61tch=true", "watch=tru%65", "watch=%31", "watch=true&watch=false",
    "watch=false&watch=true", "watch=0&watch=1", "&watch=true", "x&watch=true", "watch=true;x", "x;watch=true", "watch=true&",
    "&&watch=true&&", "%zz&watch=true", "watch=%zz", "watch=true%zz&watch=true", "watch+=true", "+watch=true", "watch%3Dtrue",
    "watch=true#x", "?watch=true", "watch=true?x", "watch==true", "watch= ", "watch=+", "watch=%00", "=true", "watch=nil",
    "labelSelector=a", "labelSelector=a%3Db", "labelSelector=a=b", "labelSelector=%21a", "labelSelector=", "labelSelector",
    "labelSelector=a,b", "labelSelector=a%20in%20(b,c)", "labelSelector=a+in+(b)", "labelSelector=a&labelSelector=b",
    "labelSelector=&labelSelector=b", "labelSelector=shard.alpha.sharding.timebertt.dev/checksum-controller%3Dshard-b",
    "LabelSelector=a", "labelselector=a", "label%53elector=a%3Db", "labelSelector=a%00", "labelSelector=%zz",
    "labelSelector=a;b", "labelSelector==", "labelSelector=,", "labelSelector=a,,b", "labelSelector=!!", "labelSelector=a%0A",
    "labelSelector=%20", "labelSelector=%09", "labelSelector=a%3E5", "labelSelector=a%3C5", "labelSelector=%23",
    "fieldSelector=metadata.name=theirs", "fieldSelector=metadata.name%3Dtheirs", "fieldSelector=metadata.name%3D%3Dtheirs",
    "fieldSelector=metadata.name!=mine", "fieldSelector=metadata.name%3Dtheirs&watch=true",
    "fieldSelector=metadata.name%3Dtheirs&watch=1&fieldSelector=metadata.name%3Dx", "fieldSelector=metadata.namespace%3Ddefault",
    "fieldSelector=metadata.name%3Dtheirs,metadata.namespace%3Ddefault", "fieldSelector=metadata.name%3D",
    "fieldSelector=metadata.name%3Da,metadata.name%3Db", "fieldSelector=metadata.name%3Db,metadata.name%3Da",
    "fieldSelector=%20metadata.name%3Dtheirs", "fieldSelector=metadata.name%3D%20theirs",
    "fieldSelector=metadata.name%20%3Dtheirs",
    "fieldSelector=metadata.name%3Dthe%2Firs", "fieldSelector=metadata.name%3D..", "fieldSelector=metadata.name%3D.",
    "fieldSelector=metadata.name%3Dthe%5C%2Cirs", "fieldSelector=metadata.name%3Dthe%25irs", "fieldSelector=metadata%2Ename%3Dx",
    "fieldSelector=type%3DOpaque", "fieldSelector=type%3DOpaque,metadata.name%3Dtheirs", "fieldSelector=x", "fieldSelector=",
    "fieldSelector=metadata.name", "fieldSelector=,metadata.name%3Dtheirs,", "FieldSelector=metadata.name%3Dtheirs",
    "fieldSelector=metadata.name%3Dtheirs&limit=x", "fieldSelector=metadata.name%3Dtheirs&labelSelector=!!",
    "fieldSelector=metadata.name%3Dtheirs&fieldSelector=metadata.name%3Dmine",
    "fieldSelector=metadata.name%3Dtheirs&resourceVersion=x", "fieldSelector=metadata.name%3Dtheirs&timeoutSeconds=x",
    "fieldSelector=metadata.name%3Dtheirs&watch=x", "fieldSelector=metadata.name%3Dtheirs&allowWatchBookmarks=x",
    "fieldSelector=metadata.name%3Dtheirs&sendInitialEvents=x", "fieldSelector=metadata.name%3Dtheirs&shardSelector=x",
    "limit=1", "limit=x", "limit=-1", "limit=", "continue=x", "resourceVersion=0", "resourceVersion=x", "resourceVersion=1",
    "resourceVersionMatch=Exact", "timeoutSeconds=x", "timeoutSeconds=1", "allowWatchBookmarks=maybe&watch=1", "pretty=true",
    "sendInitialEvents=true", "watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true",
    "export=true", "includeObject=None", "dryRun=All", "dryRun=x", "fieldManager=x", "verb=get", "name=theirs", "namespace=x",
    "a=%C3%A9", "a=\u00e9", "a=b=c", "a=b%26watch=true", "%77atch=true&x=%2F", "x=" + "y" * 3000,
]


def all_requests():
    result = [(method, path) for path in _EVERY_METHOD for method in _METHODS]
    result += [("GET", path) for path in _PATHS]
    result += [("DELETE", path) for path in _PATHS if "secrets" in path and "namespaces" not in path]
    result += [("GET", f"{path}?{query}") for path in (_S, _T) for query in _QUERIES]
    result += [("GET", "/api/v1/secrets?" + query) for query in _QUERIES if "fieldSelector" in query]
    result += [("DELETE", f"{_S}?{query}") for query in _QUERIES if "Selector" in query]
    result += [(method, f"{_S}?{query}") for method in ("HEAD", "POST", "PUT") for query in _QUERIES if "watch" in query]
    return list(dict.fromkeys(result))
