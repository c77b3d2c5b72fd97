#include "kube/request_info.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace ringside::kube {
namespace {

// "list apps/v1 deployments ns=default parts=1"; empty fields are left out.
std::string describe(const RequestInfo& info) {
  if (!info.is_resource) return "non-resource " + info.verb;
  std::string text =
      info.verb + " " + (info.group.empty() ? "core" : info.group) + "/" + info.version + " " + info.resource;
  auto add = [&](std::string_view name, const std::string& value) {
    if (!value.empty()) text += " " + std::string(name) + "=" + value;
  };
  add("ns", info.ns);
  add("name", info.name);
  add("sub", info.subresource);
  add("labels", info.label_selector);
  add("fields", info.field_selector);
  return text + " parts=" + std::to_string(info.parts.size());
}

struct Case {
  std::string_view method;
  std::string_view target;
  std::string_view expected;
};

// The expectations are what RequestInfoFactory.NewRequestInfo of k8s.io/apiserver v0.36.3 returns for these requests.
// clang-format off
constexpr Case kCases[] = {
    // Not resource requests
    {"GET", "/", "non-resource get"},
    {"GET", "/healthz", "non-resource get"},
    {"GET", "/livez/ping", "non-resource get"},
    {"GET", "/metrics", "non-resource get"},
    {"GET", "/version", "non-resource get"},
    {"GET", "/openapi/v3/apis/apps/v1", "non-resource get"},
    {"GET", "/api", "non-resource get"},
    {"GET", "/api/", "non-resource get"},
    {"GET", "/api/v1", "non-resource get"},
    {"GET", "/api/v1/", "non-resource get"},
    {"GET", "/api/v1//", "non-resource get"},
    {"GET", "/apis", "non-resource get"},
    {"GET", "/apis/apps", "non-resource get"},
    {"GET", "/apis/apps/v1", "non-resource get"},
    {"GET", "/apis/apps/v1/", "non-resource get"},
    {"GET", "/apis/apps//", "non-resource get"},
    {"POST", "/", "non-resource post"},
    {"POST", "/api/v1", "non-resource post"},
    {"DELETE", "/healthz", "non-resource delete"},
    {"OPTIONS", "/healthz", "non-resource options"},
    {"GET", "/API/v1/pods", "non-resource get"},
    {"GET", "/Api/v1/pods", "non-resource get"},
    {"GET", "/apisx/apps/v1/deployments", "non-resource get"},
    {"GET", "/oapi/v1/pods", "non-resource get"},
    {"GET", "/api%20/v1/pods", "non-resource get"},
    {"GET", "*", "non-resource get"},
    {"CONNECT", "/healthz", "non-resource connect"},
    {"GET", "/api?watch=1", "non-resource get"},
    {"GET", "/apis/apps/v1?labelSelector=a", "non-resource get"},
    // Core group
    {"GET", "/api/v1/pods", "list core/v1 pods parts=1"},
    {"GET", "/api/v1/pods/x", "get core/v1 pods name=x parts=2"},
    {"GET", "/api/v1/namespaces/default/pods", "list core/v1 pods ns=default parts=1"},
    {"GET", "/api/v1/namespaces/default/pods/x", "get core/v1 pods ns=default name=x parts=2"},
    {"HEAD", "/api/v1/namespaces/default/pods/x", "get core/v1 pods ns=default name=x parts=2"},
    {"HEAD", "/api/v1/namespaces/default/pods", "list core/v1 pods ns=default parts=1"},
    {"POST", "/api/v1/namespaces/default/pods", "create core/v1 pods ns=default parts=1"},
    {"PUT", "/api/v1/namespaces/default/pods/x", "update core/v1 pods ns=default name=x parts=2"},
    {"PATCH", "/api/v1/namespaces/default/pods/x", "patch core/v1 pods ns=default name=x parts=2"},
    {"DELETE", "/api/v1/namespaces/default/pods/x", "delete core/v1 pods ns=default name=x parts=2"},
    {"DELETE", "/api/v1/namespaces/default/pods", "deletecollection core/v1 pods ns=default parts=1"},
    {"PUT", "/api/v1/namespaces/default/pods", "update core/v1 pods ns=default parts=1"},
    {"PATCH", "/api/v1/namespaces/default/pods", "patch core/v1 pods ns=default parts=1"},
    {"OPTIONS", "/api/v1/namespaces/default/pods", " core/v1 pods ns=default parts=1"},
    {"TRACE", "/api/v1/namespaces/default/pods/x", " core/v1 pods ns=default name=x parts=2"},
    {"CONNECT", "/api/v1/namespaces/default/pods/x", " core/v1 pods ns=default name=x parts=2"},
    {"get", "/api/v1/namespaces/default/pods", " core/v1 pods ns=default parts=1"},
    {"delete", "/api/v1/namespaces/default/pods", " core/v1 pods ns=default parts=1"},
    {"QUERY", "/api/v1/pods", " core/v1 pods parts=1"},
    {"GET", "/api/v1/nodes", "list core/v1 nodes parts=1"},
    {"GET", "/api/v1/nodes/n1", "get core/v1 nodes name=n1 parts=2"},
    {"PATCH", "/api/v1/nodes/n1/status", "patch core/v1 nodes name=n1 sub=status parts=3"},
    {"POST", "/api/v1/nodes", "create core/v1 nodes parts=1"},
    {"DELETE", "/api/v1/nodes", "deletecollection core/v1 nodes parts=1"},
    // Subresources
    {"GET", "/api/v1/namespaces/default/pods/x/status", "get core/v1 pods ns=default name=x sub=status parts=3"},
    {"PUT", "/api/v1/namespaces/default/pods/x/status", "update core/v1 pods ns=default name=x sub=status parts=3"},
    {"PATCH", "/api/v1/namespaces/default/pods/x/status", "patch core/v1 pods ns=default name=x sub=status parts=3"},
    {"GET", "/api/v1/namespaces/default/pods/x/log", "get core/v1 pods ns=default name=x sub=log parts=3"},
    {"GET", "/api/v1/namespaces/default/pods/x/log?follow=true", "get core/v1 pods ns=default name=x sub=log parts=3"},
    {"POST", "/api/v1/namespaces/default/pods/x/exec?command=ls",
     "create core/v1 pods ns=default name=x sub=exec parts=3"},
    {"GET", "/api/v1/namespaces/default/pods/x/exec?command=ls", "get core/v1 pods ns=default name=x sub=exec parts=3"},
    {"POST", "/api/v1/namespaces/default/pods/x/portforward",
     "create core/v1 pods ns=default name=x sub=portforward parts=3"},
    {"POST", "/api/v1/namespaces/default/pods/x/eviction",
     "create core/v1 pods ns=default name=x sub=eviction parts=3"},
    {"POST", "/api/v1/namespaces/default/pods/x/binding", "create core/v1 pods ns=default name=x sub=binding parts=3"},
    {"GET", "/api/v1/namespaces/default/services/x/proxy/a/b/c",
     "get core/v1 services ns=default name=x sub=proxy parts=6"},
    {"GET", "/api/v1/namespaces/default/services/https:x:443/proxy/",
     "get core/v1 services ns=default name=https:x:443 sub=proxy parts=3"},
    {"DELETE", "/api/v1/namespaces/default/pods/x/proxy", "delete core/v1 pods ns=default name=x sub=proxy parts=3"},
    {"POST", "/api/v1/namespaces/default/serviceaccounts/x/token",
     "create core/v1 serviceaccounts ns=default name=x sub=token parts=3"},
    {"GET", "/api/v1/namespaces/default/pods//log", "list core/v1 pods ns=default sub=log parts=3"},
    {"GET", "/api/v1/namespaces/default/pods//log/x", "list core/v1 pods ns=default sub=log parts=4"},
    {"DELETE", "/api/v1/namespaces/default/pods//log", "deletecollection core/v1 pods ns=default sub=log parts=3"},
    {"PUT", "/apis/apps/v1/namespaces/default/deployments/x/scale",
     "update apps/v1 deployments ns=default name=x sub=scale parts=3"},
    {"GET", "/apis/apps/v1/namespaces/default/deployments/x/a/b/c/d",
     "get apps/v1 deployments ns=default name=x sub=a parts=6"},
    // Namespaces
    {"GET", "/api/v1/namespaces", "list core/v1 namespaces parts=1"},
    {"POST", "/api/v1/namespaces", "create core/v1 namespaces parts=1"},
    {"GET", "/api/v1/namespaces/default", "get core/v1 namespaces ns=default name=default parts=2"},
    {"PUT", "/api/v1/namespaces/default", "update core/v1 namespaces ns=default name=default parts=2"},
    {"DELETE", "/api/v1/namespaces/default", "delete core/v1 namespaces ns=default name=default parts=2"},
    {"DELETE", "/api/v1/namespaces", "deletecollection core/v1 namespaces parts=1"},
    {"GET", "/api/v1/namespaces/default/", "get core/v1 namespaces ns=default name=default parts=2"},
    {"GET", "/api/v1/namespaces/default/status", "get core/v1 namespaces ns=default name=default sub=status parts=3"},
    {"PUT", "/api/v1/namespaces/default/status",
     "update core/v1 namespaces ns=default name=default sub=status parts=3"},
    {"PUT", "/api/v1/namespaces/default/finalize",
     "update core/v1 namespaces ns=default name=default sub=finalize parts=3"},
    {"GET", "/api/v1/namespaces/default/finalize/x",
     "get core/v1 namespaces ns=default name=default sub=finalize parts=4"},
    {"GET", "/api/v1/namespaces/default/finalizers", "list core/v1 finalizers ns=default parts=1"},
    {"GET", "/api/v1/namespaces/default/Status", "list core/v1 Status ns=default parts=1"},
    {"GET", "/api/v1/namespaces/default/status/x/y",
     "get core/v1 namespaces ns=default name=default sub=status parts=5"},
    {"GET", "/api/v1/namespaces/default/namespaces", "list core/v1 namespaces ns=default parts=1"},
    {"GET", "/api/v1/namespaces/default/namespaces/x", "get core/v1 namespaces ns=default name=x parts=2"},
    {"GET", "/api/v1/namespaces/default/watch", "list core/v1 watch ns=default parts=1"},
    {"GET", "/api/v1/namespaces?watch=1", "watch core/v1 namespaces parts=1"},
    {"GET", "/api/v1/namespaces?fieldSelector=metadata.name%3Ddefault",
     "list core/v1 namespaces name=default fields=metadata.name=default parts=1"},
    {"GET", "/apis/apps/v1/namespaces", "list apps/v1 namespaces parts=1"},
    {"GET", "/apis/apps/v1/namespaces/default", "get apps/v1 namespaces ns=default name=default parts=2"},
    {"GET", "/apis/apps/v1/namespaces/default/status",
     "get apps/v1 namespaces ns=default name=default sub=status parts=3"},
    {"GET", "/api/v1/namespaces//pods", "list core/v1 pods parts=1"},
    {"GET", "/api/v1/namespaces//pods/x", "get core/v1 pods name=x parts=2"},
    {"GET", "/api/v1/namespaces/default//", "get core/v1 namespaces ns=default name=default parts=2"},
    {"GET", "/api/v1/namespaces/default//x", "get core/v1  ns=default name=x parts=2"},
    // Groups
    {"GET", "/apis/apps/v1/deployments", "list apps/v1 deployments parts=1"},
    {"GET", "/apis/apps/v1/namespaces/default/deployments", "list apps/v1 deployments ns=default parts=1"},
    {"GET", "/apis/apps/v1/namespaces/default/deployments/x", "get apps/v1 deployments ns=default name=x parts=2"},
    {"POST", "/apis/apps/v1/namespaces/default/deployments", "create apps/v1 deployments ns=default parts=1"},
    {"PATCH", "/apis/apps/v1/namespaces/default/deployments/x?fieldManager=m&force=true",
     "patch apps/v1 deployments ns=default name=x parts=2"},
    {"DELETE", "/apis/apps/v1/namespaces/default/deployments?labelSelector=app%3Dx",
     "deletecollection apps/v1 deployments ns=default labels=app=x parts=1"},
    {"GET", "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/x",
     "get coordination.k8s.io/v1 leases ns=kube-system name=x parts=2"},
    {"PUT", "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/x",
     "update coordination.k8s.io/v1 leases ns=kube-system name=x parts=2"},
    {"POST", "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases",
     "create coordination.k8s.io/v1 leases ns=kube-system parts=1"},
    {"GET", "/apis/example.com/v1alpha1/namespaces/default/foos/watch",
     "get example.com/v1alpha1 foos ns=default name=watch parts=2"},
    {"GET", "/apis/example.com/v1alpha1/namespaces/default/watch/x",
     "get example.com/v1alpha1 watch ns=default name=x parts=2"},
    {"GET", "/apis/example.com/v1alpha1/api/v1/pods", "get example.com/v1alpha1 api name=v1 sub=pods parts=3"},
    {"POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
     "create authorization.k8s.io/v1 selfsubjectaccessreviews parts=1"},
    {"GET", "/apis//v1/pods", "list core/v1 pods parts=1"},
    {"GET", "/apis/apps//deployments", "list apps/ deployments parts=1"},
    // watch
    {"GET", "/api/v1/pods?watch=true", "watch core/v1 pods parts=1"},
    {"GET", "/api/v1/pods?watch=1", "watch core/v1 pods parts=1"},
    {"GET", "/api/v1/pods?watch", "watch core/v1 pods parts=1"},
    {"GET", "/api/v1/pods?watch=", "watch core/v1 pods parts=1"},
    {"GET", "/api/v1/pods?watch=yes", "watch core/v1 pods parts=1"},
    {"GET", "/api/v1/pods?watch=no", "watch core/v1 pods parts=1"},
    {"GET", "/api/v1/pods?watch=True", "watch core/v1 pods parts=1"},
    {"GET", "/api/v1/pods?watch=false", "list core/v1 pods parts=1"},
    {"GET", "/api/v1/pods?watch=False", "list core/v1 pods parts=1"},
    {"GET", "/api/v1/pods?watch=FALSE", "list core/v1 pods parts=1"},
    {"GET", "/api/v1/pods?watch=0", "list core/v1 pods parts=1"},
    {"GET", "/api/v1/pods?watch=00", "watch core/v1 pods parts=1"},
    {"GET", "/api/v1/pods?watch=f", "watch core/v1 pods parts=1"},
    {"GET", "/api/v1/pods?watch=+false", "watch core/v1 pods parts=1"},
    {"GET", "/api/v1/pods?watch=fals%65", "list core/v1 pods parts=1"},
    {"GET", "/api/v1/pods?Watch=1", "list core/v1 pods parts=1"},
    {"GET", "/api/v1/pods?wat%63h=1", "watch core/v1 pods parts=1"},
    {"GET", "/api/v1/pods?watch=0&watch=1", "list core/v1 pods parts=1"},
    {"GET", "/api/v1/pods?watch=1&watch=0", "watch core/v1 pods parts=1"},
    {"GET", "/api/v1/pods?watch=%zz", "list core/v1 pods parts=1"},
    {"GET", "/api/v1/pods?watch=%zz&watch=1", "watch core/v1 pods parts=1"},
    {"GET", "/api/v1/pods?watch=1;a=b", "list core/v1 pods parts=1"},
    {"GET", "/api/v1/pods?a=b;watch=1", "list core/v1 pods parts=1"},
    {"GET", "/api/v1/pods?&&watch=1&&", "watch core/v1 pods parts=1"},
    {"GET", "/api/v1/pods?limit=500&watch=1&resourceVersion=5&allowWatchBookmarks=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan",
     "watch core/v1 pods parts=1"},
    {"GET", "/api/v1/namespaces/default/pods/x?watch=1", "get core/v1 pods ns=default name=x parts=2"},
    {"HEAD", "/api/v1/pods?watch=1", "watch core/v1 pods parts=1"},
    {"POST", "/api/v1/namespaces/default/pods?watch=1", "create core/v1 pods ns=default parts=1"},
    {"DELETE", "/api/v1/namespaces/default/pods?watch=1", "deletecollection core/v1 pods ns=default parts=1"},
    {"GET", "/api/v1/pods?watch=1?watch=0", "watch core/v1 pods parts=1"},
    {"GET", "/api/v1/pods#?watch=1", "watch core/v1 pods# parts=1"},
    {"GET", "/api/v1/pods?limit=5#watch=1", "list core/v1 pods parts=1"},
    // The deprecated path prefixes
    {"GET", "/api/v1/watch/pods", "watch core/v1 pods parts=1"},
    {"GET", "/api/v1/watch/namespaces/default/pods", "watch core/v1 pods ns=default parts=1"},
    {"GET", "/api/v1/watch/namespaces/default/pods/x", "watch core/v1 pods ns=default name=x parts=2"},
    {"GET", "/api/v1/watch/namespaces", "watch core/v1 namespaces parts=1"},
    {"GET", "/api/v1/watch/namespaces/default", "watch core/v1 namespaces ns=default name=default parts=2"},
    {"GET", "/api/v1/watch/nodes/n1", "watch core/v1 nodes name=n1 parts=2"},
    {"GET", "/api/v1/watch/pods?watch=0", "watch core/v1 pods parts=1"},
    {"GET", "/api/v1/watch/pods?labelSelector=a%3Db&fieldSelector=metadata.name%3Dx", "watch core/v1 pods parts=1"},
    {"POST", "/api/v1/watch/pods", "watch core/v1 pods parts=1"},
    {"DELETE", "/api/v1/watch/pods", "watch core/v1 pods parts=1"},
    {"GET", "/apis/apps/v1/watch/deployments", "watch apps/v1 deployments parts=1"},
    {"GET", "/apis/apps/v1/watch/namespaces/default/deployments/x/status",
     "watch apps/v1 deployments ns=default name=x sub=status parts=3"},
    {"GET", "/api/v1/watch/watch", "watch core/v1 watch parts=1"},
    {"GET", "/api/v1/watch//pods", "watch core/v1  name=pods parts=2"},
    {"GET", "/api/v1/watch", "get core/v1  parts=0"},
    {"GET", "/apis/apps/v1/watch", "get apps/v1  parts=0"},
    {"PUT", "/api/v1/proxy", "put core/v1  parts=0"},
    {"GET", "/api/v1/Watch/pods", "get core/v1 Watch name=pods parts=2"},
    {"GET", "/api/v1/proxy/namespaces/default/pods/x", "proxy core/v1 pods ns=default name=x parts=2"},
    {"GET", "/api/v1/proxy/namespaces/default/pods/x/a/b", "proxy core/v1 pods ns=default name=x parts=4"},
    {"GET", "/api/v1/proxy/nodes/n1/stats", "proxy core/v1 nodes name=n1 parts=3"},
    {"DELETE", "/api/v1/proxy/nodes/n1", "proxy core/v1 nodes name=n1 parts=2"},
    {"GET", "/api/v1/proxy/pods", "proxy core/v1 pods parts=1"},
    // Field and label selectors
    {"GET", "/api/v1/pods?fieldSelector=metadata.name%3Dx", "list core/v1 pods name=x fields=metadata.name=x parts=1"},
    {"GET", "/api/v1/pods?fieldSelector=metadata.name=x", "list core/v1 pods name=x fields=metadata.name=x parts=1"},
    {"GET", "/api/v1/pods?fieldSelector=metadata.name==x", "list core/v1 pods name=x fields=metadata.name==x parts=1"},
    {"GET", "/api/v1/pods?fieldSelector=metadata.name===x", "list core/v1 pods fields=metadata.name===x parts=1"},
    {"GET", "/api/v1/pods?fieldSelector=metadata.name!=x", "list core/v1 pods fields=metadata.name!=x parts=1"},
    {"GET", "/api/v1/pods?watch=1&fieldSelector=metadata.name%3Dx",
     "watch core/v1 pods name=x fields=metadata.name=x parts=1"},
    {"GET", "/api/v1/namespaces/default/pods?watch=1&fieldSelector=metadata.name%3Dx",
     "watch core/v1 pods ns=default name=x fields=metadata.name=x parts=1"},
    {"GET", "/api/v1/namespaces/default/pods?fieldSelector=metadata.namespace%3Dother,metadata.name%3Dx",
     "list core/v1 pods ns=default name=x fields=metadata.namespace=other,metadata.name=x parts=1"},
    {"GET", "/api/v1/pods?fieldSelector=spec.nodeName%3Dn1", "list core/v1 pods fields=spec.nodeName=n1 parts=1"},
    {"GET", "/api/v1/pods?fieldSelector=spec.nodeName%3Dn1%2Cmetadata.name%3Dx",
     "list core/v1 pods name=x fields=spec.nodeName=n1,metadata.name=x parts=1"},
    {"GET", "/api/v1/pods?fieldSelector=metadata.name%3Db,metadata.name%3Da",
     "list core/v1 pods name=a fields=metadata.name=b,metadata.name=a parts=1"},
    {"GET", "/api/v1/pods?fieldSelector=metadata.name%3Da&fieldSelector=metadata.name%3Db",
     "list core/v1 pods name=a fields=metadata.name=a parts=1"},
    {"GET", "/api/v1/pods?fieldSelector=&fieldSelector=metadata.name%3Db", "list core/v1 pods parts=1"},
    {"GET", "/api/v1/pods?fieldSelector=metadata.name", "list core/v1 pods fields=metadata.name parts=1"},
    {"GET", "/api/v1/pods?fieldSelector=metadata.name%3D", "list core/v1 pods fields=metadata.name= parts=1"},
    {"GET", "/api/v1/pods?fieldSelector=metadata.name%3D.", "list core/v1 pods fields=metadata.name=. parts=1"},
    {"GET", "/api/v1/pods?fieldSelector=metadata.name%3D..", "list core/v1 pods fields=metadata.name=.. parts=1"},
    {"GET", "/api/v1/pods?fieldSelector=metadata.name%3Da/b", "list core/v1 pods fields=metadata.name=a/b parts=1"},
    {"GET", "/api/v1/pods?fieldSelector=metadata.name%3Da%2525", "list core/v1 pods fields=metadata.name=a%25 parts=1"},
    {"GET", "/api/v1/pods?fieldSelector=metadata.name%3Da%5C,b",
     "list core/v1 pods name=a,b fields=metadata.name=a\\,b parts=1"},
    {"GET", "/api/v1/pods?fieldSelector=metadata.name%3Da%5Cb", "list core/v1 pods fields=metadata.name=a\\b parts=1"},
    {"GET", "/api/v1/pods?fieldSelector=metadata.name%3Da%5C", "list core/v1 pods fields=metadata.name=a\\ parts=1"},
    {"GET", "/api/v1/pods?fieldSelector=metadata.name%3Da%3Db", "list core/v1 pods fields=metadata.name=a=b parts=1"},
    {"GET", "/api/v1/pods?fieldSelector=metadata.name%3Dx,nonsense",
     "list core/v1 pods fields=metadata.name=x,nonsense parts=1"},
    {"GET", "/api/v1/pods?fieldSelector=,,metadata.name%3Dx,,",
     "list core/v1 pods name=x fields=,,metadata.name=x,, parts=1"},
    {"GET", "/api/v1/pods?fieldSelector=+metadata.name%3Dx", "list core/v1 pods fields= metadata.name=x parts=1"},
    {"GET", "/api/v1/pods?fieldSelector=metadata.name+%3D+x", "list core/v1 pods fields=metadata.name = x parts=1"},
    {"GET", "/api/v1/pods?field%53elector=metadata.name%3Dx",
     "list core/v1 pods name=x fields=metadata.name=x parts=1"},
    {"GET", "/api/v1/pods?fieldselector=metadata.name%3Dx", "list core/v1 pods parts=1"},
    {"GET", "/api/v1/pods?fieldSelector=metadata.name%3Dx;", "list core/v1 pods parts=1"},
    {"DELETE", "/api/v1/namespaces/default/pods?fieldSelector=metadata.name%3Dx",
     "deletecollection core/v1 pods ns=default fields=metadata.name=x parts=1"},
    {"POST", "/api/v1/namespaces/default/pods?fieldSelector=metadata.name%3Dx&labelSelector=a",
     "create core/v1 pods ns=default parts=1"},
    {"GET", "/api/v1/namespaces/default/pods/y?fieldSelector=metadata.name%3Dx&labelSelector=a",
     "get core/v1 pods ns=default name=y parts=2"},
    {"GET", "/api/v1/pods?labelSelector=a%3Db", "list core/v1 pods labels=a=b parts=1"},
    {"GET", "/api/v1/pods?labelSelector=a=b,c!=d", "list core/v1 pods labels=a=b,c!=d parts=1"},
    {"GET", "/api/v1/pods?labelSelector=a+in+(b,c)", "list core/v1 pods labels=a in (b,c) parts=1"},
    {"GET", "/api/v1/pods?labelSelector=a&labelSelector=b", "list core/v1 pods labels=a parts=1"},
    {"GET", "/api/v1/pods?labelSelector", "list core/v1 pods parts=1"},
    {"GET", "/api/v1/pods?labelSelector=", "list core/v1 pods parts=1"},
    {"GET", "/api/v1/pods?label%53elector=a", "list core/v1 pods labels=a parts=1"},
    {"GET", "/api/v1/pods?labelSelector=%zz&labelSelector=b", "list core/v1 pods labels=b parts=1"},
    {"GET", "/api/v1/pods?labelSelector=a;b", "list core/v1 pods parts=1"},
    {"GET", "/api/v1/pods?x=%&labelSelector=b", "list core/v1 pods labels=b parts=1"},
    // Escapes, empty segments, slashes, forms of the target
    {"GET", "/api/v1/pods/", "list core/v1 pods parts=1"},
    {"GET", "/api/v1/pods//", "list core/v1 pods parts=1"},
    {"GET", "/api/v1/namespaces/default/pods/", "list core/v1 pods ns=default parts=1"},
    {"GET", "/api/v1/namespaces/default/pods/x/", "get core/v1 pods ns=default name=x parts=2"},
    {"GET", "//api/v1/pods", "list core/v1 pods parts=1"},
    {"GET", "///api/v1/namespaces/default/pods//", "list core/v1 pods ns=default parts=1"},
    {"GET", "/api//v1/pods", "get core/ v1 name=pods parts=2"},
    {"GET", "/api//v1", "list core/ v1 parts=1"},
    {"GET", "/api/v1//pods", "get core/v1  name=pods parts=2"},
    {"GET", "/api/v1//pods/x", "get core/v1  name=pods sub=x parts=3"},
    {"GET", "/api/v1/%70ods", "list core/v1 pods parts=1"},
    {"GET", "/%61pi/v1/pods", "list core/v1 pods parts=1"},
    {"GET", "/api/v1/namespaces%2Fdefault%2Fpods", "list core/v1 pods ns=default parts=1"},
    {"GET", "/api/v1/namespaces%2fdefault/pods/x", "get core/v1 pods ns=default name=x parts=2"},
    {"GET", "/api/v1/pods%2F", "list core/v1 pods parts=1"},
    {"GET", "/api%2Fv1%2Fpods%3Fwatch=1", "list core/v1 pods?watch=1 parts=1"},
    {"GET", "/api/v1/pods%3Fwatch=1", "list core/v1 pods?watch=1 parts=1"},
    {"GET", "/api/v1/pods/a%2Fb", "get core/v1 pods name=a sub=b parts=3"},
    {"GET", "/api/v1/pods/a+b", "get core/v1 pods name=a+b parts=2"},
    {"GET", "/api/v1/pods/a%20b", "get core/v1 pods name=a b parts=2"},
    {"GET", "/api/v1/pods/%C3%A9", "get core/v1 pods name=é parts=2"},
    {"GET", "/api/v1/pods/%2525", "get core/v1 pods name=%25 parts=2"},
    {"GET", "/api/v1/pods/..", "get core/v1 pods name=.. parts=2"},
    {"GET", "/api/v1/../v1/pods", "get core/v1 .. name=v1 sub=pods parts=3"},
    {"GET", "/api/v1/pods;a=b", "list core/v1 pods;a=b parts=1"},
    {"GET", "/api/v1/pods?", "list core/v1 pods parts=1"},
    {"GET", "/api/v1/pods??watch=1", "list core/v1 pods parts=1"},
    {"GET", "https://kubernetes.default.svc/api/v1/pods?watch=1", "watch core/v1 pods parts=1"},
    {"GET", "https://kubernetes.default.svc:443/apis/apps/v1/deployments", "list apps/v1 deployments parts=1"},
    {"GET", "http:/api/v1/pods", "list core/v1 pods parts=1"},
    {"GET", "http:api/v1/pods", "non-resource get"},
    {"GET", "https://kubernetes.default.svc", "non-resource get"},
    {"GET", "HTTPS://h//api/v1/pods", "list core/v1 pods parts=1"},
};
// clang-format on

TEST(RequestInfo, ReadsRequestsAsTheApiServerDoes) {
  for (const auto& test : kCases) {
    EXPECT_EQ(describe(parse_request_info(test.method, test.target)), test.expected)
        << test.method << " " << test.target;
  }
}

TEST(RequestInfo, PartsStartWithTheResource) {
  auto info = parse_request_info("GET", "/api/v1/namespaces/default/pods/x/log/y");
  EXPECT_EQ(info.parts, (std::vector<std::string>{"pods", "x", "log", "y"}));
  EXPECT_EQ(info.api_prefix, "api");
  EXPECT_EQ(parse_request_info("GET", "/apis/apps/v1/deployments").api_prefix, "apis");
}

// The API server answers 400 to these; they are read as what they look like, so that they cannot slip past a filter.
TEST(RequestInfo, KeepsMalformedEscapes) {
  EXPECT_EQ(describe(parse_request_info("GET", "/api/v1/pods/%zz")), "get core/v1 pods name=%zz parts=2");
  EXPECT_EQ(describe(parse_request_info("GET", "/api/v1/%70ods/%7")), "get core/v1 pods name=%7 parts=2");
  EXPECT_EQ(describe(parse_request_info("GET", "")), "non-resource get");
  EXPECT_EQ(describe(parse_request_info("", "")), "non-resource ");
}

// Go reads a query with more parameters as empty.
TEST(RequestInfo, IgnoresTooManyParameters) {
  std::string target = "/api/v1/pods?watch=1";
  for (int i = 1; i < 10'000; ++i) target += "&a";
  EXPECT_EQ(parse_request_info("GET", target).verb, "watch");
  EXPECT_EQ(parse_request_info("GET", target + "&a").verb, "list");
}

}  // namespace
}  // namespace ringside::kube
