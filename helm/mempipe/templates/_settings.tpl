{{/* Resources of one kind of step, as mempipe reads them, from (dict "root" $ "kind" "train"). */}}
{{- define "mempipe.shape" -}}
{{- $values := .root.Values -}}
{{- $pool := get $values.pools .kind -}}
{{- $steps := $values.images.steps -}}
{{- $shape := dict
  "pool" (printf "mempipe_%s" .kind)
  "cpu" (toString $pool.cpu)
  "memory" $pool.memory
  "scratch" $pool.scratch
  "gpus" $pool.gpus
  "gpu_resource" $pool.gpuResource
  "node_selector" $pool.nodeSelector
  "tolerations" $pool.tolerations
  "labels" $pool.labels
  "active_deadline_seconds" $pool.activeDeadlineSeconds
-}}
{{- if and (eq .kind "cpu") $steps.repository -}}
{{- $_ := set $shape "image" (include "mempipe.image" (dict "root" .root "image" $steps)) -}}
{{- end -}}
{{- if and (eq .kind "train") $values.images.own -}}
{{- $_ := set $shape "images" $values.images.own -}}
{{- end -}}
{{- with $values.training.priorityClass.name -}}
{{- $_ := set $shape "priority_class" . -}}
{{- end -}}
{{- if $pool.spot -}}
{{- $label := "cloud.google.com/gke-spot" -}}
{{- $taint := dict "key" $label "operator" "Equal" "value" "true" "effect" "NoSchedule" -}}
{{- $_ := set $shape "node_selector" (merge (dict $label "true") $pool.nodeSelector) -}}
{{- $_ := set $shape "tolerations" (append $pool.tolerations $taint) -}}
{{- end -}}
{{- with $pool.queue -}}
{{- $_ := set $shape "labels" (merge (dict "kueue.x-k8s.io/queue-name" .) $pool.labels) -}}
{{- end -}}
{{- toJson $shape -}}
{{- end }}
