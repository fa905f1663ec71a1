import { type FileSystemDescription, paginateDescribeFileSystems } from "@aws-sdk/client-efs";
import { stageTags } from "@dbward-aws/contract";
import { type AwsClients, during, everyItem } from "@dbward-aws/stage";

/** The file systems that stacks of a stage have created, kept ones included: they have its tags. */
export async function stageFileSystems(
  stage: string,
  { efs }: AwsClients,
): Promise<readonly FileSystemDescription[]> {
  const all = await during(
    "Listing the file systems",
    everyItem(paginateDescribeFileSystems({ client: efs }, {}), (page) => page.FileSystems),
  );
  const tags = Object.entries(stageTags(stage));
  return all
    .filter(({ Tags = [], LifeCycleState }) =>
      LifeCycleState !== "deleting" && LifeCycleState !== "deleted"
        ? tags.every(([key, value]) => Tags.some(({ Key, Value }) => Key === key && Value === value))
        : false,
    )
    .sort((a, b) => Number(b.CreationTime) - Number(a.CreationTime));
}
