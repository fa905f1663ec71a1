/**
 * Offset of the member PayloadLength, and the value of HeaderLength in every frame: it doesn't count itself.
 */
export const HEADER_LENGTH = 116;

/** Bytes before the payload: the header and the 4 bytes of PayloadLength. */
export const PAYLOAD_OFFSET = 120;

/** Largest payload of a stream message that the agent sends, and that we send, in bytes. */
export const STREAM_PAYLOAD_SIZE = 1024;

/** Types of messages on the client's leg of the channel. */
export const MESSAGE_TYPE = {
  /** Client to agent: everything but acknowledgements. */
  inputStreamData: "input_stream_data",
  /** Agent to client: everything but acknowledgements. */
  outputStreamData: "output_stream_data",
  acknowledge: "acknowledge",
  /** Service to client: the session has ended. */
  channelClosed: "channel_closed",
  /** Service to both: send again. */
  startPublication: "start_publication",
  /** Service to both: hold what you have to send. */
  pausePublication: "pause_publication",
  /** Agent to service only. */
  agentSessionState: "agent_session_state",
} as const;
export type MessageType = (typeof MESSAGE_TYPE)[keyof typeof MESSAGE_TYPE];

/** What a stream message carries. */
export const PAYLOAD_TYPE = {
  /** Standard output of the command; in the other direction its standard input. 0 on an acknowledgement. */
  output: 1,
  error: 2,
  /** Size of the terminal, see `encodeSize`. */
  size: 3,
  parameter: 4,
  handshakeRequest: 5,
  handshakeResponse: 6,
  handshakeComplete: 7,
  encryptionChallengeRequest: 8,
  encryptionChallengeResponse: 9,
  /** 4 bytes, big-endian, see {@link SESSION_FLAG}. */
  flag: 10,
  /** Standard error, where the session keeps it apart. ECS Exec doesn't. */
  stdErr: 11,
  /** Text `EXIT_CODE: <n>`. ECS Exec doesn't send it. */
  exitCode: 12,
} as const;
export type PayloadType = (typeof PAYLOAD_TYPE)[keyof typeof PAYLOAD_TYPE];

/** Bits of a frame's Flags. Nobody reads them; peers set them as written here all the same. */
export const FRAME_FLAGS = {
  none: 0,
  /** On the agent's output with sequence number 0. */
  syn: 1,
  /** Never set on stream data. */
  fin: 2,
  /** On acknowledgements and on agent_session_state. */
  synFin: 3,
} as const;

/** Values of a payload of type `flag`. */
export const SESSION_FLAG = { disconnectToPort: 1, terminateSession: 2, connectToPortError: 3 } as const;

/** Value of ActionStatus in a handshake's answer. */
export const ACTION_STATUS = { success: 1, failed: 2, unsupported: 3 } as const;
