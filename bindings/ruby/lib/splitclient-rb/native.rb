# frozen_string_literal: true

module SplitIoClient
  # The functions of splitio.h that this gem calls, and what of the header they need.
  #
  # What can wait is attached with `blocking: true`: it gives up Ruby's lock, and other threads run. An evaluation in
  # memory waits for nothing, and keeps it, which is faster; with Redis the twin in {Waiting} is called.
  # @private
  module Native
    Library.load_into(self)

    OK = 0
    TIMEOUT = -5
    DESTROYED = -6
    STORAGE = -10
    UNAUTHORIZED = -11
    INVALID_ARGUMENT = -1
    QUEUE_IMPRESSIONS = 1
    QUEUE_LOGS = 2
    QUEUE_EVENTS = 4

    # split_error.
    class Error < FFI::Struct
      layout :status, :int32, :message, [:char, 252]

      # @return [String]
      # @private
      def text
        self[:message].to_ptr.read_string.force_encoding(Encoding::UTF_8)
      end
    end

    # split_json.
    class Json < FFI::Struct
      layout :ptr, :pointer, :len, :size_t, :hold, :pointer
    end

    # The functions that evaluate or look flags up, and their parameters. With Redis they wait.
    LOOKUPS = {
      # The treatment as a number: FFI makes no String and no Pointer of it.
      split_get_treatment: [%i[pointer string string pointer], :size_t],
      split_get_treatment_with_config: [%i[pointer string string pointer pointer], :int32],
      split_get_treatments: [%i[pointer string pointer size_t pointer], :pointer],
      split_get_treatments_with_config: [%i[pointer string pointer size_t pointer], :pointer],
      split_get_treatments_by_flag_set: [%i[pointer string string pointer], :pointer],
      split_get_treatments_with_config_by_flag_set: [%i[pointer string string pointer], :pointer],
      split_get_treatments_by_flag_sets: [%i[pointer string pointer size_t pointer], :pointer],
      split_get_treatments_with_config_by_flag_sets: [%i[pointer string pointer size_t pointer], :pointer],
      split_track: [%i[pointer string string string double pointer], :int32],
      split_manager_json: [%i[pointer string pointer], :int32],
      split_explain: [%i[pointer string string pointer pointer], :int32]
    }.freeze
    LOOKUPS.each { |name, (parameters, result)| attach_function(name, parameters, result) }

    # The same functions, giving up Ruby's lock.
    module Waiting
      extend FFI::Library
      ffi_lib Library.path
      LOOKUPS.each { |name, (parameters, result)| attach_function(name, parameters, result, blocking: true) }
    end

    attach_function :split_fork_generation, [], :pointer
    attach_function :split_config_new, [], :pointer
    attach_function :split_config_merge_json, %i[pointer string pointer], :int32
    attach_function :split_config_enable_queue, %i[pointer uint32 size_t], :int32
    attach_function :split_config_free, [:pointer], :void
    attach_function :split_factory_new, %i[string pointer pointer], :pointer, blocking: true
    attach_function :split_factory_free, [:pointer], :void, blocking: true
    attach_function :split_is_ready, [:pointer], :bool
    attach_function :split_block_until_ready, %i[pointer int64], :int32, blocking: true
    attach_function :split_result_release, [:pointer], :void
    attach_function :split_results_data, %i[pointer pointer], :pointer
    attach_function :split_results_free, [:pointer], :void
    attach_function :split_attributes_new, [], :pointer
    attach_function :split_attributes_set_string, %i[pointer string string], :int32
    attach_function :split_attributes_set_int, %i[pointer string int64], :int32
    attach_function :split_attributes_set_double, %i[pointer string double], :int32
    attach_function :split_attributes_set_bool, %i[pointer string bool], :int32
    attach_function :split_attributes_merge_json, %i[pointer string pointer], :int32
    attach_function :split_attributes_clear, [:pointer], :void
    # Without waiting: a thread that waits does so on the descriptor.
    attach_function :split_poll, %i[pointer int64 size_t pointer], :int32
    attach_function :split_poll_fd, [:pointer], :int32
    attach_function :split_json_release, [:pointer], :void
    attach_function :split_flush, %i[pointer int64], :int32, blocking: true
    attach_function :split_resume, %i[pointer pointer], :int32, blocking: true
    attach_function :split_destroy, %i[pointer int64], :int32, blocking: true

    FORKS = split_fork_generation

    class << self
      # @return [Integer] how many forks lie between the first process and this one
      def generation
        FORKS.get_uint32(0)
      end

      # @return [String] the text at an address, which the library keeps for ever
      def text_at(address)
        FFI::Pointer.new(address).read_string.force_encoding(Encoding::UTF_8).freeze
      end

      # Takes records of the queue, without waiting.
      # @return [Array(Integer, String)] the status, and the records as JSON or nil
      def poll(factory, most)
        taking_json { |json| split_poll(factory, 0, most, json) }
      end

      # @yieldparam json [Json] to be filled
      # @return [Array(Integer, String)] the status, and the text or nil
      def taking_json
        json = Json.new
        status = yield json
        return [status, nil] if json[:ptr].null?

        text = json[:ptr].read_bytes(json[:len]).force_encoding(Encoding::UTF_8)
        split_json_release(json)
        [status, text]
      end
    end

    # Address of a treatment to a frozen String. Treatments are interned by the library, which has a limit for them.
    TREATMENTS = Hash.new { |known, address| known[address] = text_at(address) }
  end
  private_constant :Native
end
