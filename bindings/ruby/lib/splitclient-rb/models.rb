# frozen_string_literal: true

module SplitIoClient
  # Where Split's gem keeps the classes that programs use.
  module Engine
    # Objects that are given to the SDK, or come from it.
    module Models
      # What an evaluation may be given besides key, flag and attributes.
      class EvaluationOptions
        # @return [Hash] properties of the impression: text, numbers, true, false or nil by name
        attr_accessor :properties

        # @param properties [Hash] see {#properties}
        def initialize(properties)
          @properties = properties
        end
      end

      # What is answered instead of `control`.
      class FallbackTreatment
        # @return [String]
        attr_accessor :treatment
        # @return [String, nil]
        attr_accessor :config

        # @param treatment [String]
        # @param config [String, nil] the configuration that goes with it
        def initialize(treatment, config = nil)
          @treatment = treatment
          @config = config
        end
      end

      # Fallback treatments for all flags, and for some of them. The value of the option `fallback_treatments`.
      class FallbackTreatmentsConfiguration
        # @return [FallbackTreatment, String, nil]
        attr_accessor :global_fallback_treatment
        # @return [Hash{String, Symbol => FallbackTreatment, String}, nil]
        attr_accessor :by_flag_fallback_treatment

        # @param global_fallback_treatment [FallbackTreatment, String, nil]
        # @param by_flag_fallback_treatment [Hash{String, Symbol => FallbackTreatment, String}, nil]
        def initialize(global_fallback_treatment = nil, by_flag_fallback_treatment = nil)
          @global_fallback_treatment = global_fallback_treatment
          @by_flag_fallback_treatment = by_flag_fallback_treatment
        end
      end

      # The events that {SplitClient#register} knows.
      module SdkEvent
        # The factory has its first definitions.
        SDK_READY = 'SDK_READY'
        # Definitions or segments changed after that.
        SDK_UPDATE = 'SDK_UPDATE'
      end

      # What an update was about.
      module SdkEventType
        # Feature flags changed.
        FLAG_UPDATE = 'FLAG_UPDATE'
        # Segments changed.
        SEGMENTS_UPDATE = 'SEGMENTS_UPDATE'
      end

      # What a handler of an update is told.
      class EventsMetadata
        # @return [String] one of {SdkEventType}
        attr_reader :type
        # @return [Array<String>] the flags that changed; empty for segments
        attr_reader :names

        # @param type [String]
        # @param names [Array<String>]
        def initialize(type, names = [])
          @type = type
          @names = names
        end
      end
    end
  end
end
