# frozen_string_literal: true

workers 3
threads 1, 4
preload_app!
bind "tcp://127.0.0.1:#{ENV.fetch('PORT')}"
silence_single_worker_warning
