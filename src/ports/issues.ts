/** The issues of the repository that are ours: those that carry a marker, and that somebody of the repository wrote. */
export type Issues = {
  /** Where issues go, for messages. */
  readonly location: string
  /** Every open one, and of the closed ones those that changed last; in the order in which they were made. */
  find(marker: string): Promise<readonly Issue[]>
  /** Returns the number. */
  create(text: IssueText): Promise<number>
  /** Changes what is given. */
  edit(issue: number, text: Partial<IssueText>): Promise<void>
  close(issue: number, comment: string, why: 'completed' | 'duplicate'): Promise<void>
}

export type Issue = { readonly number: number; readonly open: boolean; readonly body: string }

export type IssueText = { readonly title: string; readonly body: string }
