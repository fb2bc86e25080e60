//! Who made a segment: its service, and where that runs.

use opentelemetry_proto::tonic::resource::v1::Resource;

use super::attributes::Attributes;
use super::document::Entity;
use super::json::Object;

/// Who made a segment and all subsegments of it.
#[derive(Debug)]
pub(super) struct Origin {
    pub(super) service: String,
    pub(super) is_proxy: bool,
    pub(super) resource: Resource,
    /// Name and version of the SDK.
    pub(super) sdk: (String, String),
}

impl Origin {
    /// The origin of a segment.
    pub(super) fn of(segment: &Entity<'_>) -> Self {
        let is_proxy = segment.is_by_proxy();
        let aws = segment.object.object("aws");
        let mesh = aws.object("app_mesh");
        let service = service(segment, &mesh, is_proxy);
        let mut attributes = Attributes::default();
        attributes.text("service.name", Some(&*service).filter(|name| !name.is_empty()));
        let stated = segment.object.object("service");
        attributes.text("service.version", stated.text("version"));
        attributes.text("process.runtime.name", stated.text("runtime"));
        attributes.text("process.runtime.version", stated.text("runtime_version"));
        attributes.text("aws.app_mesh.mesh_name", mesh.text("mesh_name"));
        attributes.text("aws.app_mesh.virtual_node_name", mesh.text("virtual_node_name"));
        attributes.text("aws.app_mesh.virtual_gateway_name", mesh.text("virtual_gateway_name"));
        place(&mut attributes, segment, &aws);
        let sdk = sdk(&mut attributes, &aws.object("xray"));
        let resource = Resource { attributes: attributes.into_entries(), ..Resource::default() };
        Self { service, is_proxy, resource, sdk }
    }

    /// Of a subsegment whose segment is not known. The graph takes it for its parent's, once that is there.
    pub(super) fn unknown(subsegment: &Entity<'_>) -> Self {
        let mut attributes = Attributes::default();
        attributes.text("service.name", Some("unknown_service"));
        Self {
            service: String::new(),
            is_proxy: subsegment.is_by_proxy(),
            resource: Resource { attributes: attributes.into_entries(), ..Resource::default() },
            sdk: Default::default(),
        }
    }
}

/// A proxy's segment is named `<mesh>/<node>`, or by whatever name the Envoy of the day was given: a path or an ARN that
/// ends in the node's name.
fn service(segment: &Entity<'_>, mesh: &Object<'_>, is_proxy: bool) -> String {
    let by_mesh = mesh.text("virtual_node_name").or_else(|| mesh.text("virtual_gateway_name"));
    let name = by_mesh.unwrap_or_else(|| segment.name.clone());
    if !is_proxy {
        // An application may say which node it is of, but calls itself as it likes.
        return segment.name.clone();
    }
    name.rsplit('/').find(|part| !part.is_empty()).unwrap_or_default().to_owned()
}

/// Where it runs: account, machine, container, function.
fn place(attributes: &mut Attributes, segment: &Entity<'_>, aws: &Object<'_>) {
    let origin = segment.object.text("origin");
    attributes.text(
        "cloud.provider",
        origin.as_deref().filter(|origin| origin.starts_with("AWS::")).map(|_| "aws"),
    );
    attributes.text("cloud.platform", origin.as_deref().and_then(platform));
    attributes.text("cloud.account.id", aws.text("account_id"));
    attributes.text("cloud.region", aws.text("region"));
    attributes.text("aws.xray.origin", origin);
    let (ec2, ecs, eks) = (aws.object("ec2"), aws.object("ecs"), aws.object("eks"));
    attributes.text("host.id", ec2.text("instance_id"));
    attributes.text("host.type", ec2.text("instance_size"));
    attributes.text("host.image.id", ec2.text("ami_id"));
    attributes.text("cloud.availability_zone", ec2.text("availability_zone"));
    attributes.text("container.name", ecs.text("container"));
    attributes.text("container.id", ecs.text("container_id").or_else(|| eks.text("container_id")));
    for key in ["container_arn", "cluster_arn", "task_arn"] {
        let name = format!("aws.ecs.{}", key.replace('_', "."));
        attributes.text(&name, ecs.text(key));
    }
    attributes.text("aws.ecs.task.family", ecs.text("task_family"));
    attributes.text("aws.ecs.launchtype", ecs.text("launch_type"));
    attributes.text("k8s.cluster.name", eks.text("cluster_name"));
    attributes.text("k8s.pod.name", eks.text("pod"));
    let beanstalk = aws.object("elastic_beanstalk");
    attributes.text("service.namespace", beanstalk.text("environment_name"));
    attributes.text("service.version", beanstalk.text("version_label"));
    attributes.text("service.instance.id", beanstalk.text("deployment_id"));
    let function = aws.text("function_arn").or_else(|| aws.object("lambda").text("function_arn"));
    attributes.text("cloud.resource_id", function);
    let logs: Vec<Object<'_>> =
        aws.list("cloudwatch_logs").into_iter().filter_map(|group| Object::parse(group).ok()).collect();
    let of_logs = |key| logs.iter().filter_map(|group| group.text(key)).collect::<Vec<_>>();
    attributes.texts("aws.log.group.names", of_logs("log_group"));
    attributes.texts("aws.log.group.arns", of_logs("arn"));
}

fn platform(origin: &str) -> Option<&'static str> {
    match origin {
        "AWS::EC2::Instance" => Some("aws_ec2"),
        "AWS::ECS::Container" | "AWS::ECS::EC2" | "AWS::ECS::Fargate" => Some("aws_ecs"),
        "AWS::EKS::Container" => Some("aws_eks"),
        "AWS::ElasticBeanstalk::Environment" => Some("aws_elastic_beanstalk"),
        "AWS::AppRunner::Service" => Some("aws_app_runner"),
        "AWS::Lambda" | "AWS::Lambda::Function" => Some("aws_lambda"),
        _ => None,
    }
}

/// `aws.xray`, such as `{"sdk": "X-Ray for Java", "sdk_version": "2.4.0"}`.
fn sdk(attributes: &mut Attributes, xray: &Object<'_>) -> (String, String) {
    let (name, version) = (xray.text("sdk"), xray.text("sdk_version"));
    let language =
        name.as_deref().and_then(|name| name.to_ascii_lowercase().split(" for ").nth(1).map(str::to_owned));
    attributes.text("telemetry.sdk.name", name.clone());
    attributes.text("telemetry.sdk.language", language);
    attributes.text("telemetry.sdk.version", version.clone());
    (name.unwrap_or_default(), version.unwrap_or_default())
}
